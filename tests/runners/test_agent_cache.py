"""The input cache: whole files only, shared by hard links, and never an eviction of what a run uses."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runners.agent.cache import BadInput, InputCache, Opener
from runners.agent.site import Unreachable


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def serving(content: bytes, served: list[str] | None = None) -> Opener:
    """A download of this content that notes that it happened."""

    @contextmanager
    def opened() -> Iterator[Iterable[bytes]]:
        if served is not None:
            served.append(digest_of(content))
        yield (content[start : start + 7] for start in range(0, len(content), 7))

    return opened


def place(cache: InputCache, content: bytes, target: Path, served: list[str] | None = None) -> bool:
    target.parent.mkdir(exist_ok=True)
    return cache.place(digest_of(content), len(content), target, serving(content, served))


def cached(root: Path) -> set[str]:
    return {path.name for path in root.glob("??/*")}


def test_a_file_is_downloaded_once_and_linked_twice(tmp_path: Path) -> None:
    cache, served = InputCache(tmp_path / "cache", 1000), list[str]()
    assert place(cache, b"data" * 20, tmp_path / "run1" / "a", served)
    assert not place(cache, b"data" * 20, tmp_path / "run2" / "a", served)
    assert len(served) == 1
    assert (tmp_path / "run2" / "a").read_bytes() == b"data" * 20
    assert (tmp_path / "run1" / "a").samefile(tmp_path / "run2" / "a")
    assert (tmp_path / "run1" / "a").stat().st_mode & 0o777 == 0o444


def test_what_nobody_uses_is_evicted_longest_unused_first(tmp_path: Path) -> None:
    cache = InputCache(tmp_path / "cache", 300)
    contents = [bytes([letter]) * 100 for letter in b"abc"]
    for content in contents:
        place(cache, content, tmp_path / "run" / digest_of(content))
    for path in (tmp_path / "run").iterdir():
        path.unlink()
    place(cache, contents[0], tmp_path / "run" / "used-again")
    (tmp_path / "run" / "used-again").unlink()
    place(cache, b"d" * 100, tmp_path / "run" / "d")
    assert cached(tmp_path / "cache") == {
        digest_of(contents[0]),
        digest_of(contents[2]),
        digest_of(b"d" * 100),
    }
    assert cache.size() == 300


def test_a_file_in_use_is_never_evicted(tmp_path: Path) -> None:
    cache = InputCache(tmp_path / "cache", 150)
    place(cache, b"u" * 100, tmp_path / "run1" / "used")
    place(cache, b"v" * 100, tmp_path / "run2" / "v")
    (tmp_path / "run2" / "v").unlink()
    place(cache, b"w" * 100, tmp_path / "run3" / "w")
    assert digest_of(b"u" * 100) in cached(tmp_path / "cache")
    assert digest_of(b"v" * 100) not in cached(tmp_path / "cache")


def test_use_is_remembered_over_a_restart_of_the_agent(tmp_path: Path) -> None:
    place(InputCache(tmp_path / "cache", 150), b"u" * 100, tmp_path / "run1" / "used")
    restarted, served = InputCache(tmp_path / "cache", 150), list[str]()
    place(restarted, b"v" * 100, tmp_path / "run2" / "v")
    assert not place(restarted, b"u" * 100, tmp_path / "run3" / "u", served)
    assert not served


def test_half_a_download_of_a_killed_agent_is_removed_at_start(tmp_path: Path) -> None:
    InputCache(tmp_path / "cache", 100)
    (tmp_path / "cache" / "tmp" / "half").write_bytes(b"ha")
    InputCache(tmp_path / "cache", 100)
    assert not list((tmp_path / "cache" / "tmp").iterdir())


@pytest.mark.parametrize("arrives", [b"other bytes!", b"short", b"much longer than announced"])
def test_other_bytes_than_announced_are_refused_and_not_kept(tmp_path: Path, arrives: bytes) -> None:
    cache = InputCache(tmp_path / "cache", 1000)
    expected = b"the bytes!!!"
    with pytest.raises(BadInput):
        cache.place(digest_of(expected), len(expected), tmp_path / "target", serving(arrives))
    assert not cached(tmp_path / "cache")
    assert not list((tmp_path / "cache" / "tmp").iterdir())
    assert not (tmp_path / "target").exists()


def test_a_name_that_is_no_hash_is_refused(tmp_path: Path) -> None:
    cache = InputCache(tmp_path / "cache", 1000)
    with pytest.raises(BadInput):
        cache.place("../../etc/passwd", 1, tmp_path / "target", serving(b"x"))


def test_a_broken_download_leaves_nothing(tmp_path: Path) -> None:
    cache = InputCache(tmp_path / "cache", 1000)

    @contextmanager
    def broken() -> Iterator[Iterable[bytes]]:
        def pieces() -> Iterator[bytes]:
            yield b"some"
            raise Unreachable("gone")

        yield pieces()

    with pytest.raises(Unreachable):
        cache.place(digest_of(b"some more"), 9, tmp_path / "target", broken)
    assert not list((tmp_path / "cache" / "tmp").iterdir())


def test_a_download_without_end_is_cut_at_the_announced_size(tmp_path: Path) -> None:
    cache, given = InputCache(tmp_path / "cache", 1000), list[int]()

    @contextmanager
    def endless() -> Iterator[Iterable[bytes]]:
        def pieces() -> Iterator[bytes]:
            while len(given) < 1000:
                given.append(7)
                yield b"x" * 7

        yield pieces()

    with pytest.raises(BadInput):
        cache.place(digest_of(b"x" * 20), 20, tmp_path / "target", endless)
    assert len(given) == 3


def test_a_damaged_cached_file_is_fetched_again(tmp_path: Path) -> None:
    cache, served = InputCache(tmp_path / "cache", 1000), list[str]()
    place(cache, b"data" * 20, tmp_path / "run1" / "a")
    path = next((tmp_path / "cache").glob("??/*"))
    path.unlink()
    path.write_bytes(b"cut")
    assert place(cache, b"data" * 20, tmp_path / "run2" / "a", served)
    assert (tmp_path / "run2" / "a").read_bytes() == b"data" * 20


def test_two_slots_that_need_one_file_download_it_once(tmp_path: Path) -> None:
    cache, served = InputCache(tmp_path / "cache", 10_000), list[str]()
    content = b"shared" * 500
    slots = [
        threading.Thread(target=place, args=(cache, content, tmp_path / f"run{number}" / "a", served))
        for number in range(8)
    ]
    for slot in slots:
        slot.start()
    for slot in slots:
        slot.join()
    assert len(served) == 1
    assert all((tmp_path / f"run{number}" / "a").read_bytes() == content for number in range(8))


def test_downloads_under_way_together_keep_to_the_bound(tmp_path: Path) -> None:
    cache = InputCache(tmp_path / "cache", 250)
    place(cache, b"x" * 100, tmp_path / "run" / "x")
    (tmp_path / "run" / "x").unlink()
    both_began = threading.Barrier(2)

    def begun_together(content: bytes) -> Opener:
        @contextmanager
        def opened() -> Iterator[Iterable[bytes]]:
            both_began.wait(10)
            yield [content]

        return opened

    def fetch(content: bytes) -> None:
        cache.place(
            digest_of(content), len(content), tmp_path / "run" / digest_of(content), begun_together(content)
        )

    threads = [threading.Thread(target=fetch, args=(bytes([letter]) * 100,)) for letter in b"ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cached(tmp_path / "cache") == {digest_of(b"a" * 100), digest_of(b"b" * 100)}
    assert cache.size() == 200


def test_room_kept_for_a_download_that_failed_is_free_again(tmp_path: Path) -> None:
    cache = InputCache(tmp_path / "cache", 250)
    for _ in range(3):
        with pytest.raises(BadInput):
            cache.place(digest_of(b"y" * 200), 200, tmp_path / "y", serving(b"n" * 200))
    for letter in (b"a", b"b"):
        place(cache, letter * 100, tmp_path / "run" / letter.decode())
        (tmp_path / "run" / letter.decode()).unlink()
    assert cache.size() == 200


def test_what_ended_runs_held_beyond_the_bound_goes(tmp_path: Path) -> None:
    cache = InputCache(tmp_path / "cache", 150)
    for letter in (b"a", b"b"):
        place(cache, letter * 100, tmp_path / "run" / letter.decode())
    assert cache.size() == 200
    cache.trim()
    assert cache.size() == 200  # both are in use
    (tmp_path / "run" / "a").unlink()
    cache.trim()
    assert cached(tmp_path / "cache") == {digest_of(b"b" * 100)}
