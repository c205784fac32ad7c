"""The sentences that tell an explanation, English and Chinese beside each other."""

from model.bilingual import Words

# What a rule looks at, by kind; of displacement by measure.
SIGNALS: dict[str, Words] = {
    "threshold": ("the reading", "读数"),
    "deviation": ("the distance{direction} from the set-point", "与设定值之差{direction}"),
    "drift": ("the slow drift{direction} from the usual level", "偏离常态水平的缓慢漂移{direction}"),
    "expression": ("the figure that the rule computes", "规则计算值"),
    "forecast": ("the level foretold {span} ahead", "{span}后的推算值"),
    "median_distance": (
        "the distance{direction} from the median of the readings before, in usual spreads,",
        "以常态离散度计、与此前读数中位数之差{direction}",
    ),
    "night_flow": ("the rise of the night's least flow", "夜间最小流量的升幅"),
    "noisy": ("the noise, as a multiple of the sensor's usual one,", "噪声与该传感器常态噪声之比"),
    "rain": ("the rain of the last {span}", "最近{span}的雨量"),
    "rate": ("the rate of change{direction}", "变化速率{direction}"),
    "seasonal": (
        "the distance{direction} from what is usual at this hour of the week, in usual spreads,",
        "以常态离散度计、与每周同时段常态之差{direction}",
    ),
    "shift": ("the shift{direction} of the level", "水平偏移量{direction}"),
    "step": ("the lasting step{direction}", "持续突变量{direction}"),
    "velocity": ("the speed of the movement{direction}", "位移速度{direction}"),
    "acceleration": ("the acceleration of the movement{direction}", "位移加速度{direction}"),
    "accelerating_velocity": ("the speed of a movement{direction} that speeds up", "加速阶段的位移速度{direction}"),
    "tangent_angle": ("the tangent angle of the movement{direction}", "位移切线角{direction}"),
    "failure_forecast": ("the foretold nearness of failure (1 / days)", "预测破坏的紧迫度（1/天数）"),
}
DIRECTIONS: dict[str, Words] = {
    "above": (" (upwards)", "（向上）"),
    "below": (" (downwards)", "（向下）"),
    "either": (" (up or down)", "（不分方向）"),
}

# Signals that are 0 as long as nothing stands out; why they are.
NOTHING: dict[str, Words] = {
    "drift": ("nothing has drifted by more than the sensor's usual noise", "漂移未超出该传感器的常态噪声"),
    "forecast": ("the readings do not rise by more than their noise", "读数的上升未超出噪声"),
    "night_flow": ("no rise of the least flow stood out from the usual nights", "最小流量的升幅未超出往常夜间的波动"),
    "rate": ("no change stood out from the noise", "变化未超出噪声"),
    "shift": ("the level has not moved by more than the noise", "水平变化未超出噪声"),
    "step": ("no step has lasted", "没有持续的突变"),
    "displacement": ("no movement stood out from the noise", "位移未超出噪声"),
}

HELD: Words = (
    "At {time} ({zone}) the condition of the rule “{rule}” held at {sensor}, since {since}, and stood at {level}.",
    "{time}（{zone}），规则“{rule}”在 {sensor} 的条件自 {since} 起成立，当时为{level}。",
)
HELD_WITHOUT_LEVEL: Words = (
    "At {time} ({zone}) the condition of the rule “{rule}” held at {sensor}, since {since}.",
    "{time}（{zone}），规则“{rule}”在 {sensor} 的条件自 {since} 起成立。",
)
DID_NOT_HOLD: Words = (
    "At {time} ({zone}) the condition of the rule “{rule}” did not hold at {sensor}.",
    "{time}（{zone}），规则“{rule}”在 {sensor} 的条件不成立。",
)
BEGINS: Words = (
    "Readings before {time} are not looked at here: the evaluation begins there.",
    "{time} 之前的读数未纳入，评估自该时起。",
)

# Of a rule of kind due: the date that stands with the sensor, by its attribute.
DATES: dict[str, Words] = {
    "calibration_due": ("its next calibration", "下次校准"),
    "inspection_due": ("its next inspection", "下次巡检"),
    "": ("“{measure}”", "“{measure}”"),
}

# By what decided (explanation.Turn), and beside it by kind where a kind says it otherwise.
DECIDED: dict[str, Words] = {
    "limit_reached": (
        "At the reading of {time}, {signal} was {value}: {relation} {limit}.",
        "{time} 的读数时，{signal}为 {value}，{relation}{limit}。",
    ),
    "limit_not_reached": (
        "At the newest reading, of {time}, {signal} was {value}: {relation} {limit}.",
        "最新读数（{time}）时，{signal}为 {value}，{relation}{limit}。",
    ),
    "nothing_stood_out": (
        "At the newest reading, of {time}, {signal} was 0, because {nothing}; it is compared with {limit}.",
        "最新读数（{time}）时，{signal}为 0：{nothing}；对照{limit}。",
    ),
    "full_scale": (
        "The reading of {time} was at the end of the sensor's range, {value}; the rule takes that as {level} "
        "at once, because the true value may be worse.",
        "{time} 的读数已满量程（{value}）；真实值可能更严重，规则即按{level}处理。",
    ),
    "delay_running": (
        "{Signal} has been {relation} {limit}, since {since}; it has to last {needed}, and {passed} had passed.",
        "{signal}自 {since} 起{relation}{limit}；须持续{needed}，已持续{passed}。",
    ),
    "too_few_samples": (
        "{reached} of the last {of} good readings had reached {limit}; {needed} of them are needed.",
        "最近 {of} 个可用读数中有 {reached} 个达到{limit}，须有 {needed} 个。",
    ),
    "not_left": (
        "It had been raised before and had not ended: at the newest reading, of {time}, {signal} was "
        "{value}; {ends} only {leaves} {clears}.",
        "此前已成立且尚未结束：最新读数（{time}）时，{signal}为 {value}；{leaves} {clears} 才会{ends}。",
    ),
    "off_delay_running": (
        "It had been raised before, and {signal} has been {leaves} {clears} since {since}; {ends} when "
        "readings have shown that for {needed}, and they had for {passed}.",
        "此前已成立；{signal}自 {since} 起{leaves} {clears}，由读数证实持续{needed}才会{ends}，已证实{passed}。",
    ),
    "no_signal": (
        "{Signal} could not be told yet: too few good readings, too long a gap between them, or too short a "
        "time to learn what is usual.",
        "尚无法得出{signal}：可用读数太少、间断太久，或学习常态的时间不足。",
    ),
    "nothing_heard": ("Nothing had been heard by then.", "截至当时未收到任何数据。"),
    "bad": ("The newest reading, of {time}, could not be used: {quality}.", "最新读数（{time}）不可用：{quality}。"),
    "not_bad": ("The newest reading, of {time}, could be used.", "最新读数（{time}）可用。"),
    "stuck": (
        "The readings had not changed for longer than is credible; the newest is of {time}, {value}.",
        "读数长时间不变，已不可信；最新读数（{time}）为 {value}。",
    ),
    "moves": (
        "The readings changed as they should; the newest is of {time}, {value}.",
        "读数变化正常；最新读数（{time}）为 {value}。",
    ),
    "silent": (
        "Nothing had been heard since {since}; it counts as silent after {needed}, and {passed} had passed.",
        "自 {since} 起未收到数据；超过{needed}即为失联，已过{passed}。",
    ),
    "heard": (
        "It was last heard at {since}, {passed} before; it counts as silent after {needed}.",
        "最近一次通信为 {since}，距当时{passed}；超过{needed}才算失联。",
    ),
    "date_passed": ("The date of {date}, {time}, had passed.", "{date}的日期（{time}）已过。"),
    "date_to_come": ("The date of {date}, {time}, was still to come.", "{date}的日期（{time}）未到。"),
    "clause_holds": ("What the rule asks for{of_level} was so: {terms}.", "规则{of_level}的要求已满足：{terms}。"),
    "clause_does_not_hold": (
        "What the rule asks for{of_level} was not so: {terms}.",
        "规则{of_level}的要求未满足：{terms}。",
    ),
}
DECIDED_OF_KIND: dict[tuple[str, str], Words] = {
    ("limit_reached", "threshold"): (
        "The reading of {time} was {value}: {relation} {limit}.",
        "{time} 的读数为 {value}，{relation}{limit}。",
    ),
    ("limit_not_reached", "threshold"): (
        "The newest reading, of {time}, was {value}: {relation} {limit}.",
        "最新读数（{time}）为 {value}，{relation}{limit}。",
    ),
    ("not_left", "threshold"): (
        "It had been raised before and had not ended: the newest reading, of {time}, was {value}; {ends} "
        "only {leaves} {clears}.",
        "此前已成立且尚未结束：最新读数（{time}）为 {value}；{leaves} {clears} 才会{ends}。",
    ),
    ("delay_running", "threshold"): (
        "The readings have been {relation} {limit}, since {since}; that has to last {needed}, and {passed} had passed.",
        "读数自 {since} 起{relation}{limit}；须持续{needed}，已持续{passed}。",
    ),
    ("off_delay_running", "threshold"): (
        "It had been raised before, and the readings have been {leaves} {clears} since {since}; {ends} when "
        "they have been so for {needed}, and they had been for {passed}.",
        "此前已成立；读数自 {since} 起{leaves} {clears}，持续{needed}才会{ends}，已持续{passed}。",
    ),
    ("delay_running", "range"): (
        "The readings could not be used since {since} ({quality}); that has to last {needed}, and {passed} had passed.",
        "读数自 {since} 起不可用（{quality}）；须持续{needed}，已持续{passed}。",
    ),
    ("off_delay_running", "range"): (
        "It had been raised before, and the readings could be used again since {since}; it ends when that "
        "has lasted {needed}, and it had for {passed}.",
        "此前已成立；读数自 {since} 起恢复可用，持续{needed}才会结束，已持续{passed}。",
    ),
    ("delay_running", "stuck"): (
        "The readings have not changed for longer than is credible since {since}; that has to last {needed}, "
        "and {passed} had passed.",
        "自 {since} 起读数长时间不变；须持续{needed}，已持续{passed}。",
    ),
    ("off_delay_running", "stuck"): (
        "It had been raised before, and the readings moved again since {since}; it ends when that has lasted "
        "{needed}, and it had for {passed}.",
        "此前已成立；读数自 {since} 起恢复变化，持续{needed}才会结束，已持续{passed}。",
    ),
    ("silent", "gateway_silent"): (
        "Nothing had come through the gateway since {since}; it is awaited for {needed}, and {passed} had passed.",
        "自 {since} 起网关无任何数据；等待时限为{needed}，已过{passed}。",
    ),
    ("heard", "gateway_silent"): (
        "Something last came through the gateway at {since}, {passed} before; it is awaited for {needed}.",
        "最近一次经网关收到数据为 {since}，距当时{passed}；等待时限为{needed}。",
    ),
    ("heard_again", "gateway_silent"): (
        "The gateway was heard again, last at {since}; its alarm ends when none of its sensors is awaited any more.",
        "网关已恢复通信（最近为 {since}）；待其所有传感器恢复或等待时限已过，报警才结束。",
    ),
    ("nothing_heard", "gateway_silent"): (
        "Nothing had come through the gateway by then.",
        "截至当时网关未传来任何数据。",
    ),
    ("no_signal", "expression"): (
        "{Signal} could not be told: a reading that it needs was not there, or was too old.",
        "无法得出{signal}：所需的读数缺失或已过时。",
    ),
}
LIMIT_OF: Words = ("the limit of {level}, {limit}", "{level}限值 {limit}")
LIMIT: Words = ("the limit, {limit}", "限值 {limit}")
ENDS_OF: Words = ("{level} ends", "退出{level}")
ENDS: Words = ("it ends", "结束")
OF_LEVEL: Words = (" {level}", "对{level}")
FORMULA: Words = (
    "It is “{measure}”, where `value` is the sensor's own reading.",
    "计算式为“{measure}”，`value` 为本传感器读数。",
)
FAILURE: Words = ("That is: failure in {days} days, if it goes on so.", "即：若照此发展，约 {days} 天后破坏。")

# (at or beyond the limit, direction)
RELATIONS: dict[tuple[bool, str], Words] = {
    (True, "above"): ("at or above", "达到或高于"),
    (False, "above"): ("below", "低于"),
    (True, "below"): ("at or below", "达到或低于"),
    (False, "below"): ("above", "高于"),
}
TERM: Words = (
    "“{rule}” at {level} or higher, at {where}: {count} of {of} (needed: {needed})",
    "{where}“{rule}”达到{level}或以上的有 {count} 个，共 {of} 个（须 {needed} 个）",
)
TERM_NEGATED: Words = (
    "“{rule}” at {level} or higher, at {where}: {count} of {of} (must be fewer than {needed})",
    "{where}“{rule}”达到{level}或以上的有 {count} 个，共 {of} 个（须少于 {needed} 个）",
)
AROUND: dict[str, Words] = {
    "group": ("the sensors here", "本处传感器中"),
    "neighbours": ("other sensors within {within} m", "周围 {within} 米内其他传感器中"),
    "district": ("the sensors of the district", "本区传感器中"),
    "city": ("the sensors of the city", "全市传感器中"),
    "attributes": ("the sensors with the same “{attribute}”", "“{attribute}”相同的传感器中"),
}
JOINED: dict[str, Words] = {
    "all": ("; and ", "；且"),
    "any": ("; or ", "；或"),
    "nested": ("; ", "；"),
}

ORIGINS: dict[str, Words] = {
    "rule": ("That limit stands in the rule", "该限值出自规则本身"),
    "override": (
        "That limit stands in the rule for some sensors, this one among them",
        "该限值为规则对部分传感器（含本传感器）的单独设定",
    ),
    "attribute": (
        "That limit follows from the sensor's attribute “{attribute}”",
        "该限值由传感器属性“{attribute}”得出",
    ),
    "temporary": ("That limit was set for a time ({source})", "该限值为临时限值（{source}）"),
}
MARKS: dict[str, Words] = {
    "S": ("; its author read it in a source.", "；依据为文献或标准。"),
    "B": ("; its author took it from background knowledge, to be confirmed.", "；依据为背景知识，待确认。"),
    "P": ("; it is its author's own proposal.", "；为规则编制者自拟。"),
    "": (".", "。"),
}
TEMPORARY: Words = ("no. {number}, until {until}", "编号 {number}，至 {until}")

READINGS: dict[str, Words] = {
    "held_back": (
        "Held back as not usable: {count} of the last {of} readings ({quality}), the newest of {time}; what "
        "is held back decides nothing.",
        "最近 {of} 个读数中有 {count} 个不可用（{quality}），最新为 {time}；不参与判断。",
    ),
    "doubtful": (
        "In doubt: {count} of the last {of} readings ({quality}), the newest of {time}; what is in doubt may "
        "raise an alarm, but ends none.",
        "最近 {of} 个读数中有 {count} 个存疑（{quality}），最新为 {time}；存疑读数可触发报警，但不能解除。",
    ),
    "late": (
        "Late: {count} of the last {of} readings came after a newer one and were not judged then; that of "
        "{time} came at {arrived}.",
        "最近 {of} 个读数中有 {count} 个迟到，晚于更新的读数（{time} 的读数于 {arrived} 到达）；当时未参与判断。",
    ),
}
LAST_READINGS = 20

TIMER: Words = (
    "For {level} a delay has run since {since}: {passed} of {needed}.",
    "{level}的延时自 {since} 起计，已过{passed}，共需{needed}。",
)

QUIET: dict[str, Words] = {
    "rule": (
        "It was not annunciated: the rule “{by}” has kept it quiet since {since}, by design.",
        "报警未提示：自 {since} 起由规则“{by}”按设计抑制。",
    ),
    "suppressed_by_design": (
        "It was not annunciated: work on site by {by} from {since}{until}{reason}.",
        "报警未提示：{by} 自 {since} 起现场作业抑制{until}{reason}。",
    ),
    "shelved": (
        "It was not annunciated: shelved by {by} from {since}{until}{reason}.",
        "报警未提示：自 {since} 起由 {by} 搁置{until}{reason}。",
    ),
    "out_of_service": (
        "It was not annunciated: taken out of service by {by} from {since}{until}{reason}.",
        "报警未提示：自 {since} 起由 {by} 停用{until}{reason}。",
    ),
}
UNTIL: Words = (" until {time}", "，至 {time}")
REASON: Words = (", because “{reason}”", "，原因“{reason}”")

NOW_HELD: Words = (
    "As it is known now, the condition held, since {since}, and stood at {level}.",
    "按现在所知，条件自 {since} 起成立，为{level}。",
)
NOW_HELD_WITHOUT_LEVEL: Words = (
    "As it is known now, the condition held, since {since}.",
    "按现在所知，条件自 {since} 起成立。",
)
NOW_DID_NOT_HOLD: Words = ("As it is known now, the condition did not hold.", "按现在所知，条件不成立。")
NOTHING_SINCE: Words = (
    "No reading of that time has come since: what is known now was known then.",
    "此后没有该时段的读数补到，现在所知与当时相同。",
)
NOW_THE_SAME: Words = ("As it is known now, the decision is the same.", "按现在所知，结论相同。")
NOW_SINCE: Words = (
    "As it is known now, it was at the same level, but had held since {since}.",
    "按现在所知，级别相同，但条件自 {since} 起即已成立。",
)
NOW_BETWEEN: Words = (
    "As it is known now, the decision is the same, but it had held before, from {since} on, and ended again.",
    "按现在所知，结论相同，但此前条件曾自 {since} 起成立，随后结束。",
)
CAME_SINCE: Words = (
    "The reading of {time} came only at {arrived}{more}.",
    "{time} 的读数迟至 {arrived} 才到达{more}。",
)
MORE: Words = (", and {count} more came later too", "，另有 {count} 个读数也在其后到达")
JUDGED_NOW: Words = (
    "The late reading of {time} now has its place among the others.",
    "迟到的 {time} 读数现已按其时间参与判断。",
)
BY_RULES_NOW: Words = (
    "Then, the state went back to what had been decided before under other rules or sensors; here all is "
    "judged by the rules of that time.",
    "当时的状态延续自此前按其他规则或传感器作出的判断；此处全部按当时在用的规则重新判断。",
)

VERSION: Words = ("Version of the rule: {version}.", "规则版本：{version}。")
ACTIVATED: Words = (
    "Version of the rule: {version}, put into force at {time} by {by}{approved}.",
    "规则版本：{version}，{time} 由 {by} 启用{approved}。",
)
APPROVED: Words = (", approved by {by}", "，{by} 批准")

# What would have decided otherwise.
NONE_FOUND: dict[str, Words] = {  # why no change is told (smallest.NoneFound)
    "nothing_heard": (
        "Nothing had been heard, so that there is no reading to tell of that would have decided otherwise.",
        "未收到任何读数，因此没有可以改变结论的读数可说。",
    ),
    "no_signal": (
        "Before there is a figure to compare, nothing can be told of what would have decided otherwise.",
        "尚无可供比较的数值，因此无法说明何种改变会得出另一结论。",
    ),
    "too_few_sensors": (
        "No change of readings could have decided otherwise: the rule asks for more sensors than had been heard of.",
        "改变读数不会改变结论：规则要求的传感器数多于当时有数据的传感器数。",
    ),
    "not_found": (
        "No change of its readings within their range was found that would have decided otherwise: not of the newest "
        "one, not of several together, nor had they lasted.",
        "在量程内改变最新读数、连同改变多个读数或延长其持续时间，均未找到能改变结论的情形。",
    ),
    "ended": (
        "No change of its readings was found that would have decided otherwise; not all could be tried.",
        "未找到能改变结论的读数变化；未能逐一试遍。",
    ),
    "elsewhere": (
        "What would have decided otherwise lies at sensors outside your areas.",
        "能改变结论的情形在您区域以外的传感器上。",
    ),
}
NOT_FOUND_OF_KIND: dict[str, Words] = {  # in place of "not_found" and "ended"
    "noisy": (
        "No change of its readings was found that would have decided otherwise: what is usual follows the readings, at "
        "a sensor that speaks seldom so soon that hardly any noise stands out.",
        "改变读数未找到能改变结论的情形：常态噪声随读数更新，读数间隔长的传感器更新很快，噪声难以突出。",
    ),
    "stale": (
        "No silence, however long, and nothing that might have been heard was found that would have decided otherwise.",
        "无论失联多久或收到何种数据，均未找到能改变结论的情形。",
    ),
    "gateway_silent": (
        "No silence, however long, and nothing that might have been heard was found that would have decided otherwise.",
        "无论失联多久或收到何种数据，均未找到能改变结论的情形。",
    ),
    "displacement": (
        "No change of its readings was found that would have decided otherwise: neither of a few of them, nor a "
        "movement laid over them that goes on evenly or gains speed.",
        "改变读数未找到能改变结论的情形：无论改变少数读数，还是叠加匀速或加速的位移。",
    ),
    "combination": (
        "No change of readings at a few of the sensors that the rule looks at was found that would have decided "
        "otherwise.",
        "改变规则所看的少数传感器的读数，未找到能改变结论的情形。",
    ),
}
WOULD_HAVE: Words = ("The condition would have held if {ifs}.", "若{ifs}，条件即成立。")
WOULD_NOT_HAVE: Words = ("The condition would not have held if {ifs}.", "若{ifs}，条件即不成立。")
OR_IF: Words = ("; or if ", "；或")
AND: Words = (" and ", "，且")
IT: Words = ("it", "本传感器")
AT: Words = (" at {sensor}", "{sensor} ")
ONE_READING: Words = ("the reading of {first}{at}", "{at}{first} 的读数")
READINGS_FROM: Words = (
    "each of the {count} readings from {first} to {last}{at}",
    "{at}{first} 至 {last} 的 {count} 个读数",
)
IF_READING: Words = ("{which} had {what}", "{which}{what}")
BY: dict[str, Words] = {  # by the shape of the change
    "all": ("been {by} {more}", "{more} {by}"),
    "rising": ("been {more}, evenly more so, the last by {by}", "均匀地逐个{more}，最后一个{more} {by}"),
    "accelerating": ("been {more}, faster and faster, the last by {by}", "加速地逐个{more}，最后一个{more} {by}"),
    "alternating": ("been higher and lower by turns, by {by}", "交替高低 {by}"),
}
HIGHER: Words = ("higher", "高出")
LOWER: Words = ("lower", "低")
TO: Words = ("been {to}", "为 {to}")
GOOD: Words = ("been good", "正常")
HAD_BEEN: Words = ("been marked as “{quality}”", "标记为“{quality}”")
LONGER: Words = ("been followed by readings like it for another {seconds}", "其后相同读数再持续{seconds}")
IN_TIME: Words = ("{which} had come in time", "{which}及时到达")
HEARD: Words = ("{what} had been heard at {time}", "{what} 在 {time} 有数据到达")
SILENT: Words = ("{what} had been silent for {seconds} longer", "{what} 再失联{seconds}")
DATE_LATER: Words = ("it had been {seconds} later", "当时晚{seconds}")
DATE_EARLIER: Words = ("it had been {seconds} earlier", "当时早{seconds}")
