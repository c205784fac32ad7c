"""The words of the report on the alarm system, in English and Chinese."""

FIGURES = {
    "per_10_minutes_mean": ("Annunciated in 10 minutes, mean", "每10分钟报警数，平均"),
    "per_10_minutes_peak": ("Annunciated in 10 minutes, most", "每10分钟报警数，最高"),
    "per_hour_mean": ("Annunciated an hour, mean", "每小时报警数，平均"),
    "per_day_mean": ("Annunciated a day, mean", "每天报警数，平均"),
    "periods_above_10_share": ("10-minute periods with more than 10", "超过10条的10分钟时段占比"),
    "hours_above_30_share": ("Hours with more than 30", "超过30条的小时占比"),
    "flood_share": ("Time in flood", "报警泛滥时间占比"),
    "ten_alarms_share": ("Share of the ten most frequent alarms", "最频繁的十个报警占比"),
    "chattering": ("Chattering alarms (3 or more in a minute)", "抖动报警（一分钟内3次及以上）"),
    "fleeting": ("Fleeting alarms (returned within a minute)", "瞬时报警（一分钟内恢复）"),
    "standing_peak": ("Standing longer than 24 h, most at one time", "持续24小时以上，同时最多"),
    "priority_low_share": ("Priority low", "低优先级占比"),
    "priority_medium_share": ("Priority medium", "中优先级占比"),
    "priority_high_share": ("Priority high", "高优先级占比"),
    "priority_highest_share": ("Priority highest", "最高优先级占比"),
    "unauthorised": ("Suppressions without authority", "未经授权的抑制"),
    "acknowledge_median_s": ("Time to acknowledge, median", "确认用时，中位数"),
    "acknowledge_p90_s": ("Time to acknowledge, 90th percentile", "确认用时，第90百分位"),
    "arrive_median_s": ("Time to arrive, median", "到场用时，中位数"),
    "arrive_p90_s": ("Time to arrive, 90th percentile", "到场用时，第90百分位"),
    "resolve_median_s": ("Time to resolve, median", "处置用时，中位数"),
    "resolve_p90_s": ("Time to resolve, 90th percentile", "处置用时，第90百分位"),
}
TITLE = ("Report on the alarm system", "报警系统报告")
SOURCE = (
    "Targets as commonly cited after ISA-18.2 / IEC 62682; Lifeline claims no conformity with them.",
    "目标值为公开文献中常引用的 ISA-18.2 / IEC 62682 数值；Lifeline 不声称符合该标准。",
)
SHORT = (
    "Shorter than a day: where a mean is over longer periods than this span, there is none.",
    "统计时段不足一天：平均值的周期长于该时段时不予给出。",
)
NOTHING = ("Nothing to report.", "没有可报告的内容。")
FIGURE, VALUE, TARGET = ("Figure", "指标"), ("Value", "数值"), ("Target", "目标")
MISSED = ("missed", "未达到")
NONE = ("none", "无")
AT_MOST, AT_LEAST = ("at most", "不高于"), ("at least", "不低于")
BY_DAY = ("Annunciated by day", "每天报警数")
BY_HOUR = ("Annunciated by hour", "每小时报警数")
FLOODS = ("Floods", "报警泛滥")
FROM, TO = ("From", "开始"), ("To", "结束")
STANDS = ("stands", "仍在持续")
FIRST_OUT = ("First out", "首出报警")
ANNUNCIATED, FOLDED = ("Annunciated", "报警数"), ("Folded", "折叠数")
TOP_TEN = ("The ten most frequent alarms", "最频繁的十个报警")
CHATTERING = ("Chattering alarms", "抖动报警")
FLEETING = ("Fleeting alarms", "瞬时报警")
STANDING = ("Alarms that stood longer than 24 h", "持续24小时以上的报警")
RULE, SENSOR, COUNT, SHARE = ("Rule", "规则"), ("Sensor", "传感器"), ("Count", "次数"), ("Share", "占比")
RAISED, RETURNED = ("Raised", "发生"), ("Returned", "恢复")
JUDGED = ("What people found", "研判结果")
TRUE, FALSE, TEST = ("True", "真实"), ("False", "误报"), ("Test", "测试")
FALSE_SHARE = ("False of true and false", "误报率")
SUPPRESSED = ("Suppressed at the end", "期末被抑制的报警")
STATE, OLDEST = ("State", "状态"), ("Oldest since", "最早自")
UNAUTHORISED = ("Suppressed without authority", "未经授权的抑制")
ALARM, AT, WHY = ("Alarm", "报警"), ("At", "时间"), ("Why", "原因")
WHYS = {
    "no_record": ("no record of a suppression in force", "没有有效的抑制记录"),
    "one_person": ("orange or red, without a second person", "橙色或红色，缺少第二人批准"),
}
