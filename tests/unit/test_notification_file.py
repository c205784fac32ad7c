"""Notification files: what is taken, and what is refused with file, line and remedy."""

from pathlib import Path

import pytest

from alerts.notification_file import parse_notification_file
from model.yaml_file import YamlFileError

GOOD = """\
channels:
  - {channel: desk, via: apprise, url: "dingtalk://0123456789abcdef/"}
  - {channel: partner, via: webhook, url: "https://p.example.org/in", key: "0123456789abcdef01234567", language: both}
  - {channel: sms, via: apprise, url_env: SMS_URL, text: title}
people:
  - {person: li.wei, channels: [sms]}
routes:
  - route: gas
    channels: [desk, partner]
    on_duty: true
    systems: [gas]
    severities: [orange, red]
    hours: {from: "08:00", to: "20:00", days: [mon, tue]}
    quiet_hours: {from: "22:00", to: "07:00"}
    digest: {every_min: 30, priorities: [low, medium]}
"""


def test_a_good_file_is_taken_and_survives_its_keeping() -> None:
    file = parse_notification_file("n.yaml", GOOD)
    assert [channel.channel for channel in file.channels] == ["desk", "partner", "sms"]
    assert file.channels_of("li.wei") == ["sms"]
    assert file.channels_of("nobody") == []
    assert type(file).model_validate_json(file.content) == file


REFUSED = {
    "a scheme that goes round the guard": ('dingtalk://0123456789abcdef/', "json://127.0.0.1/", 2, "via: webhook"),
    "such a scheme in capitals": ('dingtalk://0123456789abcdef/', "XMLS://127.0.0.1/", 2, "via: webhook"),
    "no URL of Apprise": ('dingtalk://0123456789abcdef/', "nonsense", 2, "dingtalk://"),
    "a webhook that is no http": ("https://p.example.org/in", "ftp://alarms.example.org/in", 3, "https://"),
    "a webhook with a password": ("https://p.example.org/in", "https://a:b@example.org/in", 3, "user and password"),
    "a webhook with a port that is none": ("https://p.example.org/in", "https://example.org:port/", 3, "no URL"),
    "a key that is too short": ('"0123456789abcdef01234567"', '"short"', 3, "at least 24"),
    "no key": (', key: "0123456789abcdef01234567"', "", 3, "key or key_env"),
    "both url and url_env": ("url_env: SMS_URL", 'url_env: SMS_URL, url: "dingtalk://012345/"', 4, "either url"),
    "an unknown language": ("language: both", "language: fr", 3, "'zh'"),
    "an unknown field": ("systems: [gas]", "system: [gas]", 11, "unknown field 'system'"),
    "an unknown system": ("systems: [gas]", "systems: [oil]", 11, "'oil' is not known"),
    "an exercise": ("systems: [gas]", "modes: [exercise]", 11, "'operational' or 'test'"),
    "priority highest in a digest": ("[low, medium]", "[low, highest]", 15, "'low', 'medium' or 'high'"),
    "a time without quotes": ('"22:00"', "22:00", 14, "in quotes"),
    "a time that is none": ('"22:00"', '"25:00"', 14, "pattern"),
    "a window of no length": ('"22:00", to: "07:00"', '"22:00", to: "22:00"', 14, "same as from"),
    "a channel that is not there": ("channels: [desk, partner]", "channels: [desk, pager]", 9, "no channel 'pager'"),
    "a person's channel that is not there": ("channels: [sms]", "channels: [pager]", 6, "no channel 'pager'"),
    "a name that stands twice": ("  - {channel: sms",
                                 "  - {channel: desk, via: apprise, url_env: X}\n  - {channel: sms", 4, "twice"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "told"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_stand_is_refused_with_its_line(old: str, new: str, line: int, told: str) -> None:
    assert old in GOOD
    with pytest.raises(YamlFileError) as refused:
        parse_notification_file("n.yaml", GOOD.replace(old, new))
    assert [(file, at) for file, at, _ in refused.value.problems] == [("n.yaml", line)], refused.value
    assert told in str(refused.value)


def test_a_refusal_holds_no_secret(tmp_path: Path) -> None:
    secret = "0123456789abcdef01234567"
    with pytest.raises(YamlFileError) as refused:
        parse_notification_file("n.yaml", GOOD.replace("https://p.example.org/in", f"https://u:{secret}@x.org/"))
    assert secret not in str(refused.value)
