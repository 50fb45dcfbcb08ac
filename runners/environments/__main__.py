"""`python -m runners.environments build [NAME...]`: environments, as folders for nsjail or as images for Docker.

    build [NAME...] [--sandbox docker]   all that are named, or all there are
    list [--sandbox docker]              what is ready, and what became of the rest
    pull IMAGE@sha256:DIGEST             bring an organiser's own image to this host, look it over and admit it
    lock [NAME...]                       write requirements.lock anew
    context NAME                         the build context of an image, as a tar archive for `docker build -`

Exit status: 0 all ready, 1 something failed, 2 wrong arguments, 3 packages, registry or Docker daemon
unreachable, 4 too little disk, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from runners.environments import BuildError, build, definitions, images, own_images, progress
from runners.environments.display import Display
from runners.environments.failures import explain_daemon
from runners.environments.image_building import DEFAULT_BASE, INSTALLS, Wishes, build_image
from runners.environments.image_context import to_install
from runners.environments.locking import write_lock
from runners.sandboxes import choice
from runners.sandboxes.choice import Sandbox
from runners.sandboxes.engine import EngineError

COMMANDS = ("build", "list", "lock", "pull", "context")


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command != "pull" and (unknown := set(options.names) - set(definitions())):
        parser.error(
            f"no such environment: {', '.join(sorted(unknown))}; there are {', '.join(definitions())}"
        )
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        _carry_out(options)
    except BuildError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except EngineError as error:
        failure = explain_daemon(f"`{options.command}`", error)
        sys.stderr.write(f"{error}\n")
        return failure.exit_code
    except choice.WrongChoice as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m runners.environments",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--root", type=Path, default=Path("var/environments"))
    parser.add_argument("--sandbox", choices=list(Sandbox), help="default: PODIUM_SANDBOX, else nsjail")
    add_image_options(parser)
    return parser


def add_image_options(parser: argparse.ArgumentParser) -> None:
    """What may be chosen about images. `manage.py build_environments` takes the same."""
    env = os.environ  # noqa: TID251  the edge of a command that runs without any settings module
    default = env.get("PODIUM_BASE_IMAGE") or DEFAULT_BASE
    parser.add_argument("--base", default=default, help=f"an image with python3 (default {default})")
    parser.add_argument(
        "--install",
        choices=INSTALLS,
        default="auto",
        help="copy: files of this host's environment; inside: anew",
    )
    parser.add_argument("--wheels", type=Path, help="install from this folder of wheels, and fetch nothing")
    parser.add_argument(
        "--torch-index",
        default=env.get("PODIUM_TORCH_INDEX", ""),
        help="an index with another build of PyTorch, for a CUDA version",
    )


def _carry_out(options: argparse.Namespace) -> None:
    names = options.names or list(definitions())
    sandbox = Sandbox(options.sandbox) if options.sandbox else choice.default_sandbox()
    if options.command == "list":
        _list(options.root, sandbox)
    elif options.command == "lock":
        for name in names:
            write_lock(definitions()[name].requirements_file.parent)
    elif options.command == "pull":
        for name in options.names:
            own_images.admit(name, options.root.resolve(), choice.docker_host(), _say)
    elif options.command == "context":
        for piece in to_install(definitions()[names[0]], options.wheels):
            sys.stdout.buffer.write(piece)
    else:
        _build(names, sandbox, options)


def _build(names: list[str], sandbox: Sandbox, options: argparse.Namespace) -> None:
    root, show = options.root.resolve(), Display(sys.stdout).show
    for name in names:
        if sandbox is Sandbox.NSJAIL:
            build(name, root, show)
            continue
        wishes = Wishes(
            host=choice.docker_host(),
            base=options.base,
            install=options.install,
            wheels=options.wheels,
            torch_index=options.torch_index,
        )
        build_image(name, root, show, wishes)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _list(root: Path, sandbox: Sandbox) -> None:
    host = "" if sandbox is Sandbox.NSJAIL else choice.docker_host()
    known = images.image_progress(root, host) if host else progress(root)
    for name, definition in definitions().items():
        state = known.get(name, {"state": "not built", "percent": 0, "error": ""})
        _say(f"{definition.identifier:<26} {state['state']:<10} {state['percent']:>3} %  {state['error']}")
    for identity in own_images.admitted(root, host) if host else ():
        _say(f"{identity} admitted")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
