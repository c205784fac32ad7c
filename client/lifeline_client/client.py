"""The two clients: one list of methods, each with the path of the API that it is for."""

from lifeline_client import asking
from lifeline_client.methods import Export, Once, Pages, Stream
from lifeline_client.transport import AsyncTransport, SyncTransport


class Methods:
    """What can be asked of the service: each method with the path that it is for."""

    status = Once("GET", "/status", asking.status)
    sensors = Pages("GET", "/sensors", asking.sensors, "sensors")
    sensor = Once("GET", "/sensors/{sensor}", asking.sensor)
    readings = Once("GET", "/sensors/{sensor}/readings", asking.readings)
    latest = Once("GET", "/sensors/{sensor}/latest", asking.latest)
    alarms = Pages("GET", "/alarms", asking.alarms, "alarms")
    alarm = Once("GET", "/alarms/{alarm}", asking.alarm)
    journal = Once("GET", "/alarms/{alarm}/journal", asking.journal)
    explanation = Once("GET", "/explanation", asking.explanation)
    alarm_explanation = Once("GET", "/alarms/{alarm}/explanation", asking.alarm_explanation)
    stream = Stream("GET", "/alarms/stream", asking.stream)
    acknowledge = Once("POST", "/alarms/{alarm}/acknowledge", asking.acknowledge)
    reset = Once("POST", "/alarms/{alarm}/reset", asking.plain_act)
    comment = Once("POST", "/alarms/{alarm}/comment", asking.comment)
    judge = Once("POST", "/alarms/{alarm}/judge", asking.judge)
    shelve = Once("POST", "/alarms/{alarm}/shelve", asking.shelve)
    unshelve = Once("POST", "/alarms/{alarm}/unshelve", asking.plain_act)
    suppress = Once("POST", "/alarms/{alarm}/suppress", asking.suppress)
    take_out_of_service = Once("POST", "/alarms/{alarm}/out-of-service", asking.out_of_service)
    return_to_service = Once("POST", "/alarms/{alarm}/return-to-service", asking.plain_act)
    assign = Once("POST", "/alarms/{alarm}/assign", asking.assign)
    accept = Once("POST", "/alarms/{alarm}/accept", asking.accept)
    decline = Once("POST", "/alarms/{alarm}/decline", asking.decline)
    arrive = Once("POST", "/alarms/{alarm}/arrive", asking.arrive)
    resolve = Once("POST", "/alarms/{alarm}/resolve", asking.resolve)
    verify = Once("POST", "/alarms/{alarm}/verify", asking.verify)
    incidents = Pages("GET", "/incidents", asking.incidents, "incidents")
    incident = Once("GET", "/incidents/{incident}", asking.incident)
    reports = Pages("GET", "/reports", asking.reports, "reports")
    report = Once("GET", "/reports/{report}", asking.report)
    make_report = Once("POST", "/reports", asking.make_report)
    verify_report = Once("POST", "/reports/{report}/verify", asking.verify_report)
    rejections = Pages("GET", "/rejections", asking.rejections, "rejections")
    rules = Once("GET", "/rules", asking.rules)
    performance = Once("GET", "/performance", asking.performance)
    export_readings = Export("GET", "/exports/readings", asking.export_readings)
    export_alarms = Export("GET", "/exports/alarms", asking.export_alarms)
    export_sensors = Export("GET", "/exports/sensors", asking.export_sensors)
    metrics = Once("GET", "/metrics", asking.metrics)


class Client(Methods, SyncTransport):
    """The service, for programs that wait: methods return results, and iterators where there are many."""


class AsyncClient(Methods, AsyncTransport):
    """The service, for asyncio: methods return awaitables, and async iterators where there are many."""
