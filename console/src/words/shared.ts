// Words that several pieces of the console use: severities, states, classes, modes, systems, roles.
import { inBoth } from "../language";

export const severityWords = inBoth(
  {
    red: "一级（红）",
    orange: "二级（橙）",
    yellow: "三级（黄）",
    blue: "四级（蓝）",
    instrument: "仪表",
    system: "系统",
    none: "已恢复",
  },
  {
    red: "Level I (red)",
    orange: "Level II (orange)",
    yellow: "Level III (yellow)",
    blue: "Level IV (blue)",
    instrument: "Instrument",
    system: "System",
    none: "Returned",
  },
);

export const stateWords = inBoth(
  {
    normal: "正常",
    unacknowledged: "未确认",
    acknowledged: "已确认",
    returned_unacknowledged: "已恢复未确认",
    latched_unacknowledged: "锁存未确认",
    latched_acknowledged: "锁存已确认",
    shelved: "已搁置",
    suppressed_by_design: "设计抑制",
    out_of_service: "停用",
  },
  {
    normal: "normal",
    unacknowledged: "unacknowledged",
    acknowledged: "acknowledged",
    returned_unacknowledged: "returned, unacknowledged",
    latched_unacknowledged: "latched, unacknowledged",
    latched_acknowledged: "latched, acknowledged",
    shelved: "shelved",
    suppressed_by_design: "suppressed by design",
    out_of_service: "out of service",
  },
);

export const conditionWords = inBoth(
  { active: "条件成立", normal: "条件已消失", unknown: "情况不明：传感器失联或数据异常" },
  {
    active: "condition active",
    normal: "condition gone",
    unknown: "condition unknown: the sensor is silent or its readings are bad",
  },
);

export const priorityWords = inBoth(
  { low: "低", medium: "中", high: "高", highest: "最高" },
  { low: "low", medium: "medium", high: "high", highest: "highest" },
);

export const modeWords = inBoth(
  { operational: "运行", exercise: "演练", test: "测试" },
  { operational: "in operation", exercise: "exercise", test: "test" },
);

export const systemWords = inBoth(
  {
    gas: "燃气",
    water: "供水",
    drainage: "排水",
    displacement: "位移",
    heating: "供热",
    bridge: "桥梁",
    weather: "气象",
    lighting: "照明",
  },
  {
    gas: "gas",
    water: "water supply",
    drainage: "drainage",
    displacement: "displacement",
    heating: "heating",
    bridge: "bridges",
    weather: "weather",
    lighting: "lighting",
  },
);

export const roleWords = inBoth(
  {
    viewer: "查看",
    operator: "值班员",
    field: "外勤",
    engineer: "规则工程师",
    supervisor: "值班长",
    system_administrator: "系统管理员",
    security_administrator: "安全管理员",
    auditor: "审计员",
  },
  {
    viewer: "viewer",
    operator: "operator",
    field: "field crew",
    engineer: "engineer",
    supervisor: "supervisor",
    system_administrator: "system administrator",
    security_administrator: "security administrator",
    auditor: "auditor",
  },
);
