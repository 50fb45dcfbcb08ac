"""A whole folder of cases, with the twins and companions that they name."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from operations.corpus.case import FILE, BadCase, Case, read_case
from runners.verdict import Verdict


@dataclasses.dataclass(frozen=True, slots=True)
class Corpus:
    """Cases by name, in the order of their names. Every twin and companion that one names is among them."""

    root: Path
    cases: dict[str, Case]

    def only(self, names: Sequence[str]) -> Corpus:
        """These cases with their twins and companions. A name may be a beginning: "01", "33a", "01a-cpu-spin".

        Raises BadCase for a name that is none.
        """
        chosen: dict[str, Case] = {}
        for name in names:
            found = [case for case in self.cases if _begins(case, name)]
            if not found:
                raise BadCase(f"{self.root}: there is no case {name}")
            for case in found:
                self._with_others(case, chosen)
        return Corpus(self.root, {name: self.cases[name] for name in self.cases if name in chosen})

    def _with_others(self, name: str, chosen: dict[str, Case]) -> None:
        if name and name not in chosen:
            chosen[name] = self.cases[name]
            self._with_others(self.cases[name].twin, chosen)
            self._with_others(self.cases[name].parallel_with, chosen)


def _begins(case: str, name: str) -> bool:
    """Whether the case has this name, or begins with it where a word, or the letter behind a number, ends."""
    rest = case.removeprefix(name)
    if rest == case:
        return False
    return not rest or rest[0] in "-/" or (name.isdigit() and rest[0].isalpha())


def read_corpus(root: Path) -> Corpus:
    """Every folder below `root` that holds a case.toml, and every twin. Raises BadCase with all faults, a line each."""
    root = root.absolute()
    if not root.is_dir():
        raise BadCase(f"{root}: there is no such folder")
    cases: dict[str, Case] = {}
    faults: list[str] = []
    for file in sorted(root.rglob(FILE)):
        try:
            case = read_case(file.parent, root)
        except BadCase as fault:
            faults.append(str(fault))
            continue
        cases[case.name] = case
    if not cases and not faults:
        raise BadCase(f"{root}: no folder in it holds a {FILE}")
    for case in list(cases.values()):
        faults += _with_others(case, cases, root)
    if faults:
        raise BadCase("\n".join(faults))
    return Corpus(root, dict(sorted(cases.items())))


def _with_others(case: Case, cases: dict[str, Case], root: Path) -> list[str]:
    """Add a twin that has no case.toml of its own; say what is wrong with the other cases that this one names."""
    file = case.folder / FILE
    if case.parallel_with and case.parallel_with not in cases:
        return [f"{file}: parallel_with: {case.parallel_with} holds no {FILE} that can be read"]
    if not case.twin:
        return []
    if case.twin not in cases:
        if (root / case.twin / FILE).exists():
            return []  # its own fault was told
        try:
            cases[case.twin] = _like(case, root)
        except BadCase as fault:
            return [str(fault)]
    if cases[case.twin].expect != (Verdict.SCORED,):
        return [f'{file}: twin: {case.twin} is benign, so it must expect ["SCORED"] and nothing else']
    return []


def _like(case: Case, root: Path) -> Case:
    """The twin of a case where its folder has no case.toml: the same kind, names and limits, and it is scored."""
    folder = root / case.twin
    given = case.entry or case.generate
    assert given is not None  # noqa: S101 - for the type checker: a case has one of them
    path = folder / given.relative_to(case.folder)
    if not path.exists():
        raise BadCase(f"{case.folder / FILE}: twin: {folder} has neither a {FILE} nor a {path.name}")
    return dataclasses.replace(
        case,
        name=case.twin,
        folder=folder,
        entry=path if case.entry else None,
        generate=path if case.generate else None,
        expect=(Verdict.SCORED.value,),
        expect_score=None,
        twin="",
        parallel_with="",
        log_must_not_contain=(),
        within_s=None,
    )
