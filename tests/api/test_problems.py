"""Problems in the caller's language, and the catalogue that has all of them."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core._pydantic_core import list_all_errors

from app.api.language import SENTENCE_CHARACTERS_MAX, entry_of, in_chinese, language_of
from app.api.problems import KINDS
from tests.api.sentences import HOLE, ROOT, modules, sentences
from tests.api.service import Service, serve

CATALOGUE: dict[str, str] = yaml.safe_load((ROOT / "app/api/problems.zh.yaml").read_text("utf-8"))
CHINESE = re.compile(r"[一-鿿]")
# Of pydantic's errors those that no model of ours can raise: there is no such field.
NOT_OURS = re.compile(
    "callable|decimal|complex|fraction|uuid|url|bytes|frozen|argument|is_instance|is_subclass|union_tag|dataclass|named_tuple"
    "|iter|set_|tuple|deque|mapping|counter|ordered_dict|attribute|recursion|sentinel|ellipsis|python_object|^json|factory"
    "|value_error|date_past|date_future|datetime_past|datetime_future|^time_|timezone_offset|_enum|ascii"
)


def _marked(template: str) -> tuple[str, list[str]]:
    """The template with a mark of its own in each hole, and the marks."""
    marks: list[str] = []

    def mark(_: re.Match[str]) -> str:
        marks.append(f"⟦{len(marks)}⟧")
        return marks[-1]

    return re.sub(HOLE, mark, template), marks


def _fault(template: str) -> str | None:
    """What is wrong with a sentence's entry: that there is none, that a more general one took it, or a fact lost."""
    said, marks = _marked(template)
    entry = entry_of(said)
    if entry is None:
        return "has no entry"
    _, facts = entry
    for fact in facts.values():
        if " " in fact and in_chinese(fact) is None:
            return f"is taken for a more general one; it needs its own, beside {entry[0]!r}"
    spoken = in_chinese(said) or ""
    lost = [mark for mark in marks if mark not in spoken]
    return f"loses its facts {lost} in {spoken!r}" if lost else None


def test_every_sentence_of_the_code_is_in_the_catalogue() -> None:
    found: dict[str, str] = {}
    for path in modules():
        for template, line in sentences(path):
            found.setdefault(template, f"{path.relative_to(ROOT)}:{line}")
    assert len(found) > 250
    faults = {f"{where}: {template.replace(HOLE, '{…}')}": _fault(template) for template, where in found.items()}
    assert "\n".join(f"{where}: {fault}" for where, fault in faults.items() if fault) == ""


def test_every_title_is_in_the_catalogue() -> None:
    assert [title for title in KINDS.values() if not CHINESE.search(in_chinese(title) or "")] == []


def test_every_message_of_pydantic_is_in_the_catalogue() -> None:
    templates = {error["message_template_python"] for error in list_all_errors() if not NOT_OURS.search(error["type"])}
    assert len(templates) > 30
    for template in templates:
        said = re.sub(r"\{(\w+)\}", lambda found: "s" if found[1] == "expected_plural" else found[1], template)
        assert CHINESE.search(in_chinese(said) or ""), said


def test_each_entry_is_found_and_keeps_the_facts() -> None:
    for english, chinese in CATALOGUE.items():
        names, used = (set(re.findall(r"(?<!\{)\{(\w+)\}(?!\})", text)) for text in (english, chinese))
        # What says how many, or of which of Python's kinds, is no fact for the reader.
        assert used <= names <= used | {"s", "kind"}, english
        marks = {name: f"⟦{name}⟧" for name in names}
        assert in_chinese(english.format(**marks)) == chinese.format(**marks)


@given(st.text(max_size=SENTENCE_CHARACTERS_MAX + 10))
def test_any_text_is_a_sentence_or_not(text: str) -> None:
    said = f"use a key with one of the roles {text}"
    spoken = in_chinese(said)
    assert spoken is None if len(said) > SENTENCE_CHARACTERS_MAX else text in spoken or entry_of(text)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        (None, "en"), ("", "en"), ("zh", "zh"), ("zh-CN", "zh"), ("zh-Hans-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-US, zh;q=0.8, en;q=0.5", "en"), ("de, zh;q=0.1", "zh"), ("de", "en"), ("*", "en"), ("zh;q=no", "en"),
        ("zh;q=0", "en"), ("en;q=0.1, ZH-tw;q=0.2", "zh"), (";;;,,,q=", "en"), ("zh" * 5_000, "en"),
    ],
)  # fmt: skip
def test_which_language_is_preferred(asked: str | None, language: str) -> None:
    assert language_of(asked) == language


# Method, path, body: the answer in Chinese, whatever made the problem.
SPOKEN: list[tuple[str, str, Any, int, dict[str, str]]] = [
    ("GET", "/nowhere", None, 404, {"title": "未找到", "remedy": "可用路径见 /docs"}),
    ("GET", "/api/v1/sensors/NONE", None, 404, {"detail": "传感器 'NONE' 不存在，或不在您的区域内"}),
    ("GET", "/api/v1/sensors?limit=0", None, 422, {"detail": "limit：应不小于 1"}),
    ("GET", "/api/v1/sensors?limit=5000", None, 422, {"detail": "limit：每页最多 1000 行"}),
    ("GET", "/api/v1/sensors?near=1", None, 422, {"title": "请求无效", "field": "near"}),
    ("GET", "/api/v1/sensors?nearby=1", None, 422, {"remedy": "请去掉 `nearby` 或改正其名称；见 /docs"}),
    ("GET", "/api/v1/sensors?mode=war", None, 422, {"detail": "mode.0：应为 'operational', 'exercise' or 'test'"}),
    ("POST", "/api/v1/sensors", None, 405, {"title": "不允许此方法"}),
    ("POST", "/api/v1/alarms/a/acknowledge", {}, 422, {"remedy": "请补上 `seen_sequence`；见 /docs"}),
    ("POST", "/api/v1/alarms/a/acknowledge", {"seen_sequence": 1}, 422, {"detail": "Idempotency-Key：缺失"}),
    ("POST", "/api/v1/reports", {"text": "x" * 70_000}, 413, {"detail": "请求体超过 65536 字节"}),
    ("GET", "/api/v1/sensors?q=" + "x" * 9_000, None, 414, {"detail": "网址超过 8192 字节"}),
]  # fmt: skip


def test_problems_are_in_the_language_that_is_asked_for(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("operator")
        for method, path, body, status, members in SPOKEN:
            answer = await client.request(method, path, json=body, headers={"Accept-Language": "zh-CN,en;q=0.5"})
            problem = answer.json()
            assert answer.status_code == status, (path, problem)
            assert {name: problem[name] for name in members} == members, problem
            assert answer.headers["content-language"] == "zh", problem
            assert "Accept-Language" in answer.headers["vary"]
            english = await client.request(method, path, json=body)
            assert english.headers["content-language"] == "en"
            assert not CHINESE.search(english.text)
            # What programs read is the same in both.
            for member in ("type", "status", "field"):
                assert english.json().get(member) == problem.get(member)
        heavy = await client.get("/api/v1/status", headers={"X-Much": "x" * 20_000})
        assert heavy.status_code == 431

    serve(database_url, scenario)


def test_all_faults_of_a_body_are_told_in_chinese(database_url: str) -> None:
    async def scenario(service: Service) -> None:
        client = await service.client("operator")
        answer = await client.post(
            "/api/v1/reports",
            json={"kind": "gas_smell", "time": "yesterday", "text": "a\nb"},
            headers={"Accept-Language": "zh", "Idempotency-Key": "one"},
        )
        assert answer.status_code == 422
        assert len(answer.json()["errors"]) > 3
        for error in answer.json()["errors"]:
            assert CHINESE.search(error["detail"]), error

    serve(database_url, scenario)
