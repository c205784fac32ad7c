"""How a connection to the broker is made: a persistent session at QoS 1, by MQTT 3.1.1 or 5, and its last will."""

import json
from collections.abc import Iterable
from typing import Any

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingest.settings import BrokerAddress, MqttSettings

QOS = 1
REFUSED_FROM = 0x80
STATUS_S_MAX = 1.0


def make_client(settings: MqttSettings, address: BrokerAddress) -> aiomqtt.Client:
    """Return a client, not connected yet, whose session outlives its connections."""
    options: dict[str, Any]
    if settings.protocol == "5":
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = settings.session_expiry_s
        properties.ReceiveMaximum = settings.receive_maximum
        properties.TopicAliasMaximum = 0  # every message bears its topic (3.1.2.11.5)
        options = {"protocol": aiomqtt.ProtocolVersion.V5, "clean_start": False, "properties": properties}
    else:
        options = {"protocol": aiomqtt.ProtocolVersion.V311, "clean_session": False}
    return aiomqtt.Client(
        address.host,
        address.port,
        identifier=settings.client_id,
        username=address.username,
        password=address.password,
        tls_context=address.tls,
        keepalive=settings.keepalive_s,
        timeout=settings.connect_s_max,
        will=_will(settings),
        **options,
    )


async def tell_status(client: aiomqtt.Client, settings: MqttSettings, status: str) -> None:
    """Leave word of the worker on its status topic, retained: `connected`, `stopped`, or by the broker `lost`."""
    will = _will(settings, status)
    if will is not None:
        # QoS 0: nothing to wait for, also while a full queue keeps us from reading.
        await client.publish(will.topic, will.payload, 0, will.retain, timeout=STATUS_S_MAX)


def _will(settings: MqttSettings, status: str = "lost") -> aiomqtt.Will | None:
    if settings.status_topic is None:
        return None
    payload = json.dumps({"worker": settings.client_id, "status": status})
    return aiomqtt.Will(settings.status_topic.format(client_id=settings.client_id), payload, QOS, retain=True)


async def subscribe(client: aiomqtt.Client, settings: MqttSettings) -> None:
    """Subscribe, again where the session has the subscriptions. Raises MqttError where QoS 1 is not granted to each."""
    granted: Iterable[object]
    if settings.protocol == "5":
        granted = await client.subscribe([(topic, _options(topic)) for topic in settings.filters])
    else:
        granted = await client.subscribe([(topic, QOS) for topic in settings.filters])
    for code, topic in zip(granted, settings.filters, strict=False):
        number = int(getattr(code, "value", code))  # type: ignore[call-overload]
        if number >= REFUSED_FROM:
            raise aiomqtt.MqttError(f"the broker refuses the subscription to {topic}; allow it to this account")
        if number < QOS:
            raise aiomqtt.MqttError(f"the broker grants {topic} at QoS 0 only, which can lose readings; allow QoS 1")


def _options(topic: str) -> SubscribeOptions:
    """Return what a subscription of MQTT 5 asks for beside QoS 1.

    Retained messages come only with a new subscription: the session has had them otherwise. What this session
    publishes itself does not come back, other than to a group, where that may not be asked for (3.8.3.1).
    """
    return SubscribeOptions(
        qos=QOS, noLocal=not topic.startswith("$share/"), retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB
    )


async def disconnection(client: aiomqtt.Client) -> None:
    """Raise MqttError when the connection ends; for a client whose messages do not go through its iterator."""
    async for _ in client.messages:
        pass
