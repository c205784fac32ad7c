"""Every route with how what is within an area shows there; a route without an entry fails the test of areas."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from tests.api.area_world import CITY_OF, DISTRICT_OF, WHOLE, Place, World, area_of, report_at

SPAN = "from=2026-11-01T00:00:00Z&to=2026-11-24T00:00:00Z"


class Listed(NamedTuple):
    """One path; who sees a place finds its text in the answer. In those of `others` the marks alone are looked for."""

    path: str
    shows: Mapping[Place, str]
    others: Sequence[str] = ()


class Single(NamedTuple):
    """A path for each place; who does not see the place gets 403 or 404."""

    paths: Callable[[World], Mapping[Place, str]]


class Act(NamedTuple):
    """A path and body for each place; who does not see the place is refused, and nothing is written."""

    asks: Callable[[World], Mapping[Place, tuple[str, Any]]]
    refused: frozenset[int] = frozenset({403, 404})
    done: frozenset[int] = frozenset({200, 201, 202, 204, 409})


class Apart(NamedTuple):
    """A route that tells of no place, or is tested by itself; says why."""

    why: str


ACTED = (Place.XIONGGUAN, Place.JIAYUGUAN, Place.JINCHUAN)  # a district, a whole city, another city's district
IN_EACH = {place: f"{place}-1" for place in Place}
NEAR = {place: f"{place}-1" for place in (Place.XIONGGUAN, Place.JINGTIE)}
IN_CITIES = {place: f"{place}-" for place in WHOLE.values()}


def _of_each(template: str) -> Single:
    """The sensor or alarm in each place."""
    return Single(
        lambda world: {p: template.format(alarm=world.alarms[p], sensor=f"{p}-1", city=CITY_OF[p]) for p in Place}
    )


def _of_cities(template: str, found: Callable[[World, Place], Any] = lambda _, place: place) -> Single:
    return Single(lambda world: {p: template.format(found(world, p), city=city) for city, p in WHOLE.items()})


def _of_incidents(template: str) -> Single:
    return Single(lambda world: {p: template.format(incident) for p, incident in world.incidents.items()})


def _alarm_act(action: str, **body: Any) -> Act:
    return Act(lambda w: {p: (f"/alarms/{w.alarms[p]}/{action}", {"seen_sequence": 1, **body}) for p in ACTED})


def _city_act(path: str, body: Any, found: Callable[[World, Place], Any] = lambda _, place: place) -> Act:
    return Act(lambda world: {p: (path.format(found(world, p), city=city), body) for city, p in WHOLE.items()})


def _incident_act(action: str, **body: Any) -> Act:
    return Act(
        lambda w: {p: (f"/incidents/{w.incidents[p]}/{action}", {"seen_version": 1, **body}) for p in ACTED},
    )


def _position_act(world: World) -> dict[Place, tuple[str, Any]]:
    body = {"name": "", "name_zh": "", "systems": [], "districts": []}
    return {p: (f"/positions/{p}-desk", body | {"city": city}) for city, p in WHOLE.items()}


def _limit_act(world: World) -> dict[Place, tuple[str, Any]]:
    body = {"limits": {"blue": 5}, "duration_s": 600, "reason": "works"}
    asked = (Place.XIONGGUAN, Place.JIAYUGUAN)  # each is tried over history
    return {p: ("/rules/combustible-gas/temporary-limits", body | {"select": _selector(p)}) for p in asked}


def _selector(place: Place) -> dict[str, str]:
    found = {"city": CITY_OF[place]}
    return found | ({"district": DISTRICT_OF[place]} if place in DISTRICT_OF else {})


SENSORTHINGS = "/sensorthings/v1.1"
THINGS = Listed(
    f"{SENSORTHINGS}/Datastreams?$expand=Thing,Sensor,ObservedProperty,Observations",
    IN_EACH,
    [
        f"{SENSORTHINGS}/Things?$expand=Locations,HistoricalLocations,Datastreams",
        f"{SENSORTHINGS}/Things?$count=true&$filter=name eq 'head 1 of JTE'",
        f"{SENSORTHINGS}/Locations",
        f"{SENSORTHINGS}/HistoricalLocations",
        f"{SENSORTHINGS}/Sensors",
        f"{SENSORTHINGS}/ObservedProperties?$expand=Datastreams",
        f"{SENSORTHINGS}/Observations?$expand=Datastream,FeatureOfInterest",
        f"{SENSORTHINGS}/FeaturesOfInterest",
    ],
)
ROUTES: dict[tuple[str, str], Listed | Single | Act | Apart] = {
    ("GET", "/status"): Listed("/status", DISTRICT_OF | {Place.JINCHANG: "jinchang"}),
    ("GET", "/sensors"): Listed("/sensors", IN_EACH),
    ("GET", "/sensors/{sensor}"): _of_each("/sensors/{sensor}"),
    ("GET", "/sensors/{sensor}/readings"): _of_each("/sensors/{sensor}/readings"),
    ("GET", "/sensors/{sensor}/latest"): _of_each("/sensors/{sensor}/latest"),
    ("GET", "/sensors/{sensor}/events"): _of_each("/sensors/{sensor}/events"),
    ("GET", "/sensors/{sensor}/rules"): _of_each("/sensors/{sensor}/rules"),
    ("GET", "/sensors/latest"): Listed("/sensors/latest?near=98.29,39.77&radius_m=50000", NEAR),
    ("GET", "/assets/{asset}"): _of_each("/assets/asset-{sensor}"),
    ("GET", "/sensorthings/v1.1"): Apart("the same for everybody"),
    ("GET", "/sensorthings/v1.1/{resource}"): THINGS,
    ("GET", "/sensorthings/v1.1/{resource:path}"): THINGS,
    ("GET", "/networks"): Listed("/networks", {Place.JIAYUGUAN: "jiayuguan.gas", Place.JINCHANG: "jinchang.gas"}),
    ("GET", "/networks/{network}"): _of_cities("/networks/{city}.gas"),
    ("GET", "/retention"): Apart("of the deployment"),
    ("GET", "/alarms"): Listed("/alarms", IN_EACH),
    ("GET", "/alarms/stream"): Apart("streams_tell_what_is_within"),
    ("GET", "/alarms/{alarm}"): _of_each("/alarms/{alarm}"),
    ("GET", "/explanation"): _of_each("/explanation?sensor={sensor}&rule=combustible-gas&time=2026-11-22T12:00:00Z"),
    ("GET", "/alarms/{alarm}/explanation"): Apart("test_explanation: what is told lies within the areas"),
    ("GET", "/alarms/{alarm}/journal"): _of_each("/alarms/{alarm}/journal"),
    ("POST", "/alarms/{alarm}/acknowledge"): _alarm_act("acknowledge"),
    ("POST", "/alarms/{alarm}/reset"): _alarm_act("reset"),
    ("POST", "/alarms/{alarm}/comment"): _alarm_act("comment", comment="seen"),
    ("POST", "/alarms/{alarm}/judge"): _alarm_act("judge", verdict="true"),
    ("POST", "/alarms/{alarm}/shelve"): _alarm_act("shelve", duration_s=600, reason="works"),
    ("POST", "/alarms/{alarm}/unshelve"): _alarm_act("unshelve"),
    ("POST", "/alarms/{alarm}/suppress"): _alarm_act("suppress", purpose="bump_test", duration_s=60, reason="works"),
    ("POST", "/alarms/{alarm}/out-of-service"): _alarm_act(
        "out-of-service", reason="broken", permit="7", review_at="2026-11-23T00:00:00Z"
    ),
    ("POST", "/alarms/{alarm}/return-to-service"): _alarm_act("return-to-service"),
    ("POST", "/alarms/{alarm}/assign"): _alarm_act("assign", to="chief"),
    ("POST", "/alarms/{alarm}/accept"): _alarm_act("accept"),
    ("POST", "/alarms/{alarm}/decline"): _alarm_act("decline", reason="elsewhere"),
    ("POST", "/alarms/{alarm}/arrive"): _alarm_act("arrive"),
    ("POST", "/alarms/{alarm}/resolve"): _alarm_act("resolve", cause_code="gas_joint_leak"),
    ("POST", "/alarms/{alarm}/verify"): _alarm_act("verify", method="inspection", note="looked"),
    ("GET", "/cause-codes"): Apart("the same for everybody"),
    ("GET", "/rosters"): Listed("/rosters", IN_CITIES),
    ("GET", "/rosters/on-duty"): _of_cities("/rosters/on-duty?city={city}&system=gas"),
    ("GET", "/suppressions"): Listed("/suppressions", IN_EACH),
    ("POST", "/suppressions"): Act(
        lambda _: {
            p: (
                "/suppressions",
                {
                    "sensor": f"{p}-1",
                    "purpose": "maintenance",
                    "begins_at": "2026-11-23T05:00:00Z",
                    "ends_at": "2026-11-23T06:00:00Z",
                    "reason": "works",
                },
            )
            for p in ACTED
        }
    ),
    ("POST", "/suppressions/{suppression}/end"): Act(
        lambda world: {p: (f"/suppressions/{number}/end", None) for p, number in world.suppressions.items()}
    ),
    ("GET", "/approvals"): Listed("/approvals", IN_EACH),
    ("POST", "/approvals/{approval}/approve"): Act(
        lambda world: {p: (f"/approvals/{number}/approve", None) for p, number in world.approvals.items()}
    ),
    ("POST", "/approvals/{approval}/reject"): Act(
        lambda world: {p: (f"/approvals/{number}/reject", None) for p, number in world.approvals.items()}
    ),
    # Nobody but who made a request withdraws it: 403 for everybody here.
    ("POST", "/approvals/{approval}/withdraw"): Apart("who made a request saw what it is about"),
    ("GET", "/incidents"): Listed("/incidents?mode=test,operational", IN_EACH),
    ("GET", "/incidents/{incident}"): _of_incidents("/incidents/{}"),
    ("GET", "/incidents/{incident}/timeline"): _of_incidents("/incidents/{}/timeline"),
    ("GET", "/incidents/{incident}/timeline.html"): _of_incidents("/incidents/{}/timeline.html"),
    ("POST", "/incidents/{incident}/split"): _incident_act("split", alarms=["one"])._replace(done=frozenset({422})),
    ("POST", "/incidents/{incident}/merge"): Act(
        lambda w: {p: (f"/incidents/{one}/merge", {"seen_version": 1, "other": one}) for p, one in w.incidents.items()}
    ),
    ("POST", "/incidents/{incident}/close"): _incident_act("close"),
    ("GET", "/reports"): Listed("/reports", {place: f"{place}-smell" for place in Place}),
    ("POST", "/reports"): Act(lambda _: {place: ("/reports", report_at(place)) for place in ACTED}),
    ("GET", "/reports/{report}"): Single(lambda world: {p: f"/reports/{one}" for p, one in world.reports.items()}),
    ("POST", "/reports/{report}/verify"): Act(
        lambda world: {p: (f"/reports/{one}/verify", {"found": True}) for p, one in world.reports.items()}
    ),
    ("GET", "/notifications"): Listed("/notifications", IN_EACH),
    ("GET", "/notifications/channels"): Apart("figures_count_what_is_within"),
    ("GET", "/notifications/{notification}"): Single(
        lambda world: {p: f"/notifications/{number}" for p, number in world.notifications.items()}
    ),
    ("POST", "/notifications/{notification}/retry"): Act(
        lambda world: {p: (f"/notifications/{number}/retry", None) for p, number in world.notifications.items()}
    ),
    ("POST", "/notifications/channels/{channel}/test"): Apart("test_what_is_of_all_cities"),
    ("POST", "/rules/activations"): Apart("test_what_is_of_all_cities"),
    ("POST", "/rules/{rule}/temporary-limits"): Act(_limit_act, frozenset({403, 422})),
    ("GET", "/rules/temporary-limits"): Listed(
        "/rules/temporary-limits", {place: f"{place}-1" for place in DISTRICT_OF}
    ),
    ("POST", "/rules/temporary-limits/{temporary_limit}/end"): Act(
        lambda world: {p: (f"/rules/temporary-limits/{number}/end", None) for p, number in world.limits.items()}
    ),
    ("GET", "/positions"): Listed("/positions", IN_CITIES),
    ("GET", "/positions/{position}/flood"): _of_cities("/positions/{0}-desk/flood"),
    ("PUT", "/positions/{position}"): Act(_position_act, frozenset({422})),
    ("DELETE", "/positions/{position}"): _city_act("/positions/{0}-desk", None),
    ("GET", "/performance"): Listed(f"/performance?{SPAN}", IN_CITIES),
    ("GET", "/performance/report"): Listed("/performance/report?month=2026-11", IN_CITIES),
    ("GET", "/shifts/hand-overs"): Listed("/shifts/hand-overs", IN_CITIES),
    ("POST", "/shifts/hand-overs"): Act(
        lambda _: {p: ("/shifts/hand-overs", {"position": f"{city}.default", "notes": []}) for city, p in WHOLE.items()}
    ),
    ("GET", "/shifts/hand-overs/{hand_over}"): _of_cities("/shifts/hand-overs/{}", lambda w, p: w.hand_overs[p]),
    ("GET", "/shifts/hand-overs/{hand_over}.html"): _of_cities(
        "/shifts/hand-overs/{}.html", lambda w, p: w.hand_overs[p]
    ),
    ("POST", "/shifts/hand-overs/{hand_over}/accept"): _city_act(
        "/shifts/hand-overs/{}/accept", None, lambda w, p: w.hand_overs[p]
    ),
    ("POST", "/warnings"): Act(
        lambda w: {p: ("/warnings", {"alarm": w.alarms[p], "scope": "Public"}) for p in WHOLE.values()}
    ),
    ("GET", "/warnings"): Listed("/warnings", IN_CITIES),
    ("GET", "/warnings/{warning}"): _of_cities("/warnings/{}", lambda w, p: w.warnings[p]),
    ("POST", "/warnings/{warning}/approve"): _city_act(
        "/warnings/{}/approve", {"version": 2}, lambda w, p: w.warnings[p]
    ),
    ("POST", "/warnings/{warning}/reject"): _city_act(
        "/warnings/{}/reject", {"version": 2}, lambda w, p: w.warnings[p]
    ),
    ("POST", "/warnings/{warning}/update"): _city_act(
        "/warnings/{}/update", {"version": 2}, lambda w, p: w.warnings[p]
    ),
    ("POST", "/warnings/{warning}/cancel"): _city_act(
        "/warnings/{}/cancel", {"version": 2, "comment": "over"}, lambda w, p: w.warnings[p]
    ),
    ("GET", "/warning-levels/{city}"): _of_cities("/warning-levels/{city}"),
    ("PUT", "/warning-levels/{city}"): _city_act(
        "/warning-levels/{city}", {"levels": [{"colour": "red", "label_en": "I", "label_zh": "一"}]}
    ),
    ("GET", "/feeds/cap.atom"): Listed("/feeds/cap.atom", {p: f"{city}-20261122-1-1" for city, p in WHOLE.items()}),
    ("GET", "/feeds/cap/messages/{identifier}.xml"): _of_cities("/feeds/cap/messages/{city}-20261122-1-1.xml"),
    ("GET", "/feeds/cap/{alarm}.xml"): _of_each("/feeds/cap/{alarm}.xml"),
    ("GET", "/province/status"): Listed("/province/status", {Place.JIAYUGUAN: "jiayuguan", Place.JINCHANG: "jinchang"}),
    ("GET", "/province/alarms"): Listed("/province/alarms", IN_EACH),
    ("GET", "/province/alarms/stream"): Apart("streams_tell_what_is_within"),
    ("GET", "/relayed/alarms"): Listed("/relayed/alarms", IN_EACH),
    ("GET", "/province/alarms/{city}/{alarm}"): _of_each("/province/alarms/{city}/{alarm}"),
    ("GET", "/province/alarms/{city}/{alarm}/journal"): _of_each("/province/alarms/{city}/{alarm}/journal"),
    ("POST", "/province/alarms/{city}/{alarm}/acknowledge"): Act(
        lambda w: {
            p: (f"/province/alarms/{CITY_OF[p]}/{alarm}/acknowledge", {"seen_sequence": 1})
            for p, alarm in w.alarms.items()
        }
    ),
    ("GET", "/audit"): Listed("/audit", {Place.JIAYUGUAN: "jiayuguan", Place.JINCHANG: "jinchang"}),
    ("GET", "/audit/export"): Apart("test_what_is_of_all_cities"),
    **{
        (method, f"/session{path}"): Apart("of the caller alone")
        for method, path in (
            ("GET", ""),
            ("DELETE", ""),
            ("POST", "/password"),
            ("POST", "/second-factor"),
            ("POST", "/second-factor/confirm"),
            ("DELETE", "/second-factor"),
        )
    },
    ("GET", "/users"): Listed("/users", {place: f"{place}-user" for place in Place}),
    ("POST", "/users"): Act(
        lambda _: {p: ("/users", {"name": f"new-{p}", "role": "viewer", "areas": [area_of(p)]}) for p in ACTED},
        frozenset({422}),
    ),
    ("PATCH", "/users/{user}"): Act(lambda _: {p: (f"/users/{p}-user", {"disabled": True}) for p in ACTED}),
    ("GET", "/keys"): Listed("/keys?limit=200", {place: f"{place}-key" for place in Place}),
    ("POST", "/keys"): Act(
        lambda _: {p: ("/keys", {"label": f"new key {p}", "role": "viewer", "areas": [area_of(p)]}) for p in ACTED},
        frozenset({422}),
    ),
    ("POST", "/keys/{label}/rotate"): Act(lambda _: {p: (f"/keys/{p}-key/rotate", {}) for p in ACTED}),
    ("DELETE", "/keys/{label}"): Act(lambda _: {p: (f"/keys/{p}-key", None) for p in ACTED}),
    **{
        (method, f"/exercises{path}"): Apart("an_exercise_is_seen_and_steered_within_its_areas")
        for method, path in (
            ("GET", ""),
            ("GET", "/scenarios"),
            ("POST", ""),
            ("GET", "/{exercise}"),
            ("POST", "/{exercise}/play"),
            ("POST", "/{exercise}/pause"),
            ("POST", "/{exercise}/speed"),
            ("POST", "/{exercise}/seek"),
            ("POST", "/{exercise}/end"),
        )
    },
    ("GET", "/exports/readings"): Listed(f"/exports/readings?{SPAN}", IN_EACH),
    ("GET", "/exports/alarms"): Listed(f"/exports/alarms?{SPAN}", IN_EACH),
    ("GET", "/exports/sensors"): Listed("/exports/sensors", IN_EACH),
    ("GET", "/rejections"): Listed("/rejections", {p: f"{p}-payload" for p in WHOLE.values()}),
    ("GET", "/rejections/{rejection}"): _of_cities("/rejections/{}", lambda w, p: w.rejections[p]),
    ("POST", "/rejections/{rejection}/replay"): _city_act(
        "/rejections/{}/replay", {"payload": "{}"}, lambda w, p: w.rejections[p]
    ),
    ("POST", "/rejections/{rejection}/discard"): _city_act(
        "/rejections/{}/discard", None, lambda w, p: w.rejections[p]
    ),
    ("GET", "/rules"): Listed("/rules", IN_EACH),
    ("POST", "/rules/backtest"): Apart("trials_tell_what_is_within"),
    ("GET", "/rules/{pack}/versions"): Apart("test_rule_changes: a trial is of all cities"),
}
