"""The live hub: server-sent events to any number of browsers. Pure ASGI, no Django, no database.

`live.asgi.Live` wraps the site's ASGI application, `live.publish.Publisher` is what the site publishes with,
`live.tokens` signs access to private topics. The protocol stands in `live.event`, its rules in `live.hub`.
"""
