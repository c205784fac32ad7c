"""The words of a timeline, in English and Chinese."""

from model.bilingual import Words

WHATS: dict[str, Words] = {
    "reading": ("reading", "读数"),
    "transition": ("alarm", "报警"),
    "notification": ("message", "通知"),
    "action": ("action", "操作"),
    "report": ("report", "上报"),
    "warning": ("warning", "预警"),
    "incident": ("incident", "事件"),
}
# What a journal line tells of, by its reason.
REASONS: dict[str, Words] = {
    "limit_reached": ("limit reached", "达到限值"),
    "limit_left": ("back inside limit and deadband", "回到限值与回差以内"),
    "full_scale": ("the sensor is at full scale", "传感器满量程"),
    "bad_readings": ("bad readings", "读数异常"),
    "good_readings": ("good readings again", "读数恢复正常"),
    "stuck": ("readings do not move", "读数长时间不变"),
    "moves_again": ("readings move again", "读数恢复变化"),
    "silent": ("silent", "失联"),
    "heard_again": ("heard again", "恢复通信"),
    "date_passed": ("the date has passed", "日期已过"),
    "date_moved_on": ("the date moved on", "日期已更新"),
    "stands": ("still stands", "仍然存在"),
    "passage_ends": ("the passage evaluated again ends", "补评区段结束"),
    "combination_holds": ("the combination holds", "组合条件成立"),
    "combination_left": ("the combination no longer holds", "组合条件不再成立"),
    "rule_withdrawn": ("the rule was withdrawn", "规则已撤销"),
    "shelf_ended": ("the shelf ended", "搁置到期"),
    "work_begun": ("work on site began", "现场作业开始"),
    "work_ended": ("work on site ended", "现场作业结束"),
    "parent_active": ("what it depends on is active", "所依据的报警成立"),
    "parent_returned": ("what it depends on has ended", "所依据的报警已结束"),
    "not_acknowledged_in_time": ("not acknowledged in time", "未按时确认"),
    "not_assigned_in_time": ("not assigned in time", "未按时派单"),
    "not_accepted_in_time": ("not accepted in time", "未按时接单"),
    "not_arrived_in_time": ("not reached in time", "未按时到场"),
    "not_resolved_in_time": ("not resolved in time", "未按时处置"),
    "not_verified_in_time": ("not verified in time", "未按时核验"),
}
ACTIONS: dict[str, Words] = {
    "acknowledge": ("acknowledged", "确认"),
    "reset": ("reset", "复位"),
    "comment": ("commented", "备注"),
    "judge": ("judged", "研判"),
    "shelve": ("shelved", "搁置"),
    "unshelve": ("unshelved", "取消搁置"),
    "suppress": ("suppressed for work on site", "现场作业抑制"),
    "out-of-service": ("taken out of service", "停用"),
    "return-to-service": ("returned to service", "恢复投用"),
    "assign": ("assigned", "派单"),
    "accept": ("accepted", "接单"),
    "decline": ("declined", "退单"),
    "arrive": ("arrived", "到场"),
    "resolve": ("resolved", "处置完成"),
    "verify": ("verified", "核验"),
    "draft": ("drafted a warning", "拟写预警"),
    "approve": ("approved", "批准"),
    "reject": ("rejected", "驳回"),
    "update": ("drafted an update", "拟写更新"),
    "cancel": ("asked for the end of a warning", "申请解除预警"),
    "end": ("ended a warning", "解除预警"),
    "expire": ("expired", "到期"),
}
# Members of an act's details; those that are not here are not said in words.
DETAILS: dict[str, Words] = {
    "assigned_to": ("to {}", "派给 {}"),
    "on_behalf_of": ("on behalf of {}", "代 {}"),
    "distance": ("{} from the sensor", "距传感器 {}"),
    "cause_code": ("cause: {}", "原因：{}"),
    "method": ("by {}", "方式：{}"),
    "permit": ("permit {}", "作业票 {}"),
    "approved_by": ("approved by {}", "批准：{}"),
    "judgement": ("as {}", "结论：{}"),
    "proposed_severity": ("proposes {} for a warning", "建议预警等级：{}"),
}
VALUES: dict[str, Words] = {
    "true": ("true", "属实"),
    "false": ("false", "误报"),
    "test": ("a test", "测试"),
    "measurement": ("measurement", "现场测量"),
    "inspection": ("inspection", "现场检查"),
    "other": ("other", "其他"),
}
MEASURED: Words = ("measured {}", "测量值 {}")
PASSED: dict[bool, Words] = {True: ("it is solved", "已解决"), False: ("not solved", "未解决")}

RAISED, ROSE, FELL, RETURNED = ("raised", "发生"), ("rose", "等级上升"), ("fell", "等级下降"), ("returned", "恢复")
LIMIT, UNTIL = ("limit {}", "限值 {}"), ("until {}", "至 {}")
SENSORS: Words = ("{} sensors", "{} 个传感器")
RETROACTIVE = ("found afterwards, from readings that came late", "事后认定，由迟到读数得出")
EXPECTED = ("expected between {} and {}", "预计 {} 至 {} 之间")

MESSAGES: dict[str, Words] = {
    "raised": ("raised", "报警发生"),
    "risen": ("severity rose", "等级上升"),
    "released": ("no longer suppressed", "解除抑制"),
    "returned": ("returned to normal", "已恢复正常"),
    "escalated": ("escalation", "升级提醒"),
}
MESSAGE = ("{kind}: through channel {channel}, {state}", "{kind}：通道 {channel}，{state}")
MESSAGE_STATES: dict[str, Words] = {
    "pending": ("not sent yet", "待发送"),
    "gathering": ("waits for a digest", "待汇总"),
    "digested": ("in a digest that is not sent yet", "已汇总，待发送"),
    "sent": ("sent", "已发送"),
    "dead": ("given up after {} attempts", "尝试 {} 次后放弃"),
    "folded": ("only counted: the channel had been told", "仅计数：该通道已获知"),
}
CHANGES: dict[str, Words] = {
    "opened": ("opened", "事件建立"),
    "joined": ("{} joined: {}", "{} 加入：{}"),
    "merged": ("merged with {}", "与 {} 合并"),
    "split": ("split: {}", "拆分：{}"),
    "cause_revised": ("probable cause: {}", "可能原因：{}"),
    "closed": ("closed", "事件关闭"),
    "reopened": ("opened again", "事件重新开启"),
}
SOURCES: dict[str, Words] = {
    "hotline": ("hotline", "热线"),
    "patrol": ("patrol", "巡查"),
    "drone": ("drone", "无人机"),
    "grid_worker": ("grid worker", "网格员"),
    "video": ("video", "视频"),
    "partner": ("partner", "联动单位"),
    "other": ("other", "其他"),
}
FOUND: dict[bool, Words] = {True: ("found as reported", "核实属实"), False: ("not found as reported", "核实不属实")}
SCOPES: dict[str, Words] = {"Public": ("public", "公开"), "Restricted": ("restricted", "限定范围")}

MARKS: dict[str, Words] = {
    "first": ("the first looked at", "所查时段首个读数"),
    "before_raise": ("the last before the alarm", "报警前最后一个读数"),
    "reached": ("reaches {}, limit {}", "达到{}，限值 {}"),
    "left": ("back within all limits", "回到各级限值以内"),
    "fell_to": ("falls to {}", "降至{}"),
    "highest": ("the highest", "最高值"),
    "lowest": ("the lowest", "最低值"),
    "bad": ("not usable: {}", "不可用：{}"),
    "doubtful": ("doubtful: {}", "存疑：{}"),
    "good_again": ("usable again", "恢复可用"),
}
STRETCH = (
    "{count} readings between {first} and {last}: lowest {lowest}, highest {highest}",
    "{first} 至 {last} 共 {count} 个读数：最低 {lowest}，最高 {highest}",
)
BAD_STRETCH = (
    "{count} readings that are not usable between {first} and {last}",
    "{first} 至 {last} 共 {count} 个不可用读数",
)
SILENCE = ("nothing heard since {since}", "自 {since} 起未收到数据")
HEARD = ("; heard again at {}", "；{} 恢复")
STILL_SILENT = ("; still silent", "；仍未恢复")
READINGS_CUT = (
    "readings after {} are not looked at here: more than {} of this sensor",
    "{} 之后的读数未列入：该传感器读数超过 {} 个",
)

# The page
TITLE = ("Timeline of an incident", "事件时间线")
AS_KNOWN = ("As known at {}", "截至 {} 已知")
CUT = (
    "Cut here: from {} on more became known than fits, and it is not shown.",
    "此处截断：自 {} 起得知的内容超出上限，其余未显示。",
)
SENSORS_CUT = ("Of {} sensors, the readings of {} are shown.", "共 {} 个传感器，列出其中 {} 个的读数。")
LEFT_OUT = ("Not shown to you, because it is not within your areas: {}.", "因不在您的区域内而未显示：{}。")
LEFT_OUT_PARTS: dict[str, Words] = {
    "warnings": ("warnings, which are the city's as a whole", "预警（属全市）"),
    "readings": ("readings of sensors elsewhere", "其他区域传感器的读数"),
}
PLACE, SINCE, CLOSED, STATE = ("Where", "地点"), ("Since", "开始"), ("Closed", "关闭"), ("State", "状态")
SEVERITY, SYSTEMS, ALARMS = ("Severity", "级别"), ("Systems", "系统"), ("Alarms", "报警")
INCIDENT, MERGED_INTO = ("Incident", "事件编号"), ("Merged into", "并入")
STATES: dict[str, Words] = {"open": ("open", "进行中"), "closed": ("closed", "已关闭"), "merged": ("merged", "已合并")}
COUNT = ("{}, of which {} stand", "{} 条，其中 {} 条持续")
ZONE = ("All times: {} ({}), 24 hours", "所有时间均为 {}（{}），24 小时制")
COURSES = ("Readings of the sensors", "传感器读数")
ORDER = ("What became known, in that order", "按得知先后排列")
KNOWN, WHAT, SUBJECT, HAPPENED, BY = (
    ("Known", "得知"),
    ("What", "类别"),
    ("Subject", "对象"),
    ("What happened", "内容"),
    ("By", "人员"),
)
HAPPENED_AT, LATE = ("of {}", "发生于 {}"), ("{} late", "迟到 {}")
PEOPLE, PERSON, ACTS, FIRST, LAST = (
    ("Who acted", "参与人员"),
    ("Person", "人员"),
    ("Acts", "操作"),
    ("First", "首次"),
    ("Last", "末次"),
)
NOBODY, NOTHING = ("Nobody has acted.", "尚无人员操作。"), ("No reading is at hand.", "没有可显示的读数。")
LEGEND = (
    "▲ alarm raised or risen · ✓ acknowledged · ▽ returned · ○ came late · × not usable · dashed: limits in force when "
    "the alarm was raised",
    "▲ 报警发生或升级 · ✓ 确认 · ▽ 恢复 · ○ 迟到 · × 不可用 · 虚线：报警时的限值",
)
CHART = (
    "{sensor}: {count} readings from {first} to {last}, lowest {lowest}, highest {highest}",
    "{sensor}：{first} 至 {last} 共 {count} 个读数，最低 {lowest}，最高 {highest}",
)
SHAPES = {"red": "◆ Ⅰ", "orange": "▲ Ⅱ", "yellow": "■ Ⅲ", "blue": "● Ⅳ"}
"""A shape and a roman number for each level, as in the console: nobody has to tell colours apart."""
