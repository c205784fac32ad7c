"""The begin of a pack in which rules suppress others: about gateways and their sensors, and about plant that stands."""

GUIDANCE = """
    guidance:
      {cause: {en: x, zh: x}, consequence: {en: x, zh: x}, response: {en: x, zh: x}, time_to_respond_s: 60}"""
GATEWAY_RULES = f"""pack: own
description: {{en: own, zh: 自}}
rules:
  - rule: gateway
    name: {{en: Gateway, zh: 网关}}
    class: system
    select: {{}}
    condition: {{kind: gateway_silent}}
    priority: medium{GUIDANCE}
  - rule: silent
    name: {{en: Silent, zh: 失联}}
    class: instrument
    select: {{}}
    condition: {{kind: stale}}
    suppressed_by: [{{rule: gateway, per: attributes.gateway}}]
    priority: low{GUIDANCE}"""
STANDS_RULE = f"""
  - rule: stands
    name: {{en: Pump stands, zh: 停泵}}
    annunciated: false
    select: {{property: water_depth, attributes: {{role: pump}}}}
    condition: {{kind: threshold, unit: cm, limits: {{blue: 5}}}}
    priority: low
    basis: [{{mark: P, source: ours}}]{GUIDANCE}"""
