"""What a crew found to be the cause of an alarm: a fixed vocabulary, so that causes can be counted."""

from dataclasses import dataclass

from model.vocabulary import SYSTEMS


@dataclass(frozen=True, slots=True)
class CauseCode:
    """A cause by its code and names; `systems` are those that it can stand for."""

    cause_code: str
    name: str
    name_zh: str
    systems: tuple[str, ...]


def _of(systems: tuple[str, ...], *rows: tuple[str, str, str]) -> tuple[CauseCode, ...]:
    return tuple(CauseCode(code, name, name_zh, systems) for code, name, name_zh in rows)


# The project's own proposal, after what the guidance of the rule packs names as causes.
CAUSE_CODES = {
    cause.cause_code: cause
    for cause in (
        *_of(
            ("gas",),
            ("gas_pipe_leak", "Leak from a gas pipe", "燃气管道泄漏"),
            ("gas_joint_leak", "Leak at a joint, valve or flange", "接口、阀门或法兰漏气"),
            ("gas_appliance_leak", "Leak at an appliance or hose", "燃具或软管漏气"),
            ("gas_regulator_fault", "Regulator or slam-shut failed", "调压器或切断阀故障"),
            ("gas_demand", "Unusual gas demand", "用气量异常"),
            ("biogas", "Biogas from sewage or soil, no gas of the network", "沼气，非管网燃气"),
            ("solvent_vapour", "Vapour of fuel, paint or solvent", "油漆、溶剂或燃油蒸气"),
        ),
        *_of(
            ("water",),
            ("water_main_burst", "Burst main", "供水主管爆管"),
            ("water_leak", "Leak from a pipe, joint or valve", "管道、接口或阀门漏水"),
            ("water_pump_fault", "Pump or its control failed", "水泵或控制故障"),
            ("water_valve_position", "Valve in a wrong position", "阀门开关位置错误"),
            ("water_demand", "Unusual demand, fire-fighting or flushing", "用水量异常、消防或冲洗"),
            ("water_quality_source", "Change at the source or the works", "水源或水厂水质变化"),
        ),
        *_of(
            ("drainage",),
            ("rain_beyond_capacity", "Rain beyond the sewers' capacity", "降雨超过排水能力"),
            ("sewer_blocked", "Blocked sewer, gully or grating", "管道、雨水口或箅子堵塞"),
            ("sewer_collapse", "Damaged or collapsed sewer", "管道破损或塌陷"),
            ("drainage_pump_fault", "Pumping station failed", "泵站故障"),
            ("outfall_backwater", "Backwater from the outfall", "排口顶托倒灌"),
            ("cover_displaced", "Cover open, moved or missing", "井盖打开、移位或缺失"),
            ("illegal_discharge", "Illegal discharge", "违规排放"),
            ("sewer_gas", "Gas from sewage", "污水产生的有害气体"),
        ),
        *_of(
            ("displacement",),
            ("ground_movement", "Movement of the ground", "地面变形"),
            ("slope_movement", "Movement of a slope", "边坡滑移"),
            ("mine_subsidence", "Subsidence over old workings", "采空区沉陷"),
            ("dam_seepage", "Seepage or a high phreatic level in a dam", "坝体渗流或浸润线偏高"),
            ("thermal_movement", "Movement by temperature or season", "温度或季节性变形"),
        ),
        *_of(
            ("heating",),
            ("heating_pipe_leak", "Leak from a heating pipe", "供热管道泄漏"),
            ("heat_source_fault", "Heat source failed or reduced", "热源故障或降负荷"),
            ("heating_pump_fault", "Circulation or make-up pump failed", "循环泵或补水泵故障"),
            ("heat_exchanger_fault", "Exchanger or its control failed", "换热器或调节故障"),
            ("heating_unbalanced", "Network out of balance", "管网水力失调"),
        ),
        *_of(
            ("bridge",),
            ("overload", "Overloaded vehicle", "超载车辆"),
            ("vehicle_or_ship_impact", "Impact of a vehicle or ship", "车船撞击"),
            ("structural_damage", "Damage to the structure or a bearing", "结构或支座损伤"),
            ("traffic_or_wind", "Traffic or wind within what is expected", "正常交通或风致响应"),
        ),
        *_of(
            ("weather",),
            ("severe_weather", "Severe weather as measured", "实际出现的恶劣天气"),
        ),
        *_of(
            ("lighting",),
            ("lamp_fault", "Lamp or driver failed", "灯具或驱动故障"),
            ("cable_fault", "Cable or supply failed", "电缆或供电故障"),
        ),
        *_of(
            SYSTEMS,
            ("third_party_damage", "Damage by others' work", "第三方施工破坏"),
            ("planned_work", "Planned work that was not announced", "未报备的计划作业"),
            ("sensor_fault", "Sensor failed, drifted or soiled", "传感器故障、漂移或污染"),
            ("power_or_communication", "Power supply or transmission failed", "供电或通信故障"),
            ("sensor_test", "Test or calibration of the sensor", "传感器测试或校准"),
            ("limit_unsuitable", "Limit does not suit the place", "阈值设置不合理"),
            ("nothing_found", "Nothing found", "现场未发现异常"),
            ("other", "Other, told in the note", "其他（见备注）"),
        ),
    )
}


SENSOR_AT_FAULT = frozenset({"sensor_fault"})
"""Those by which a sensor that still says so is wrong; of a test or a lost supply it returns by itself."""


def causes_of(system: str) -> list[CauseCode]:
    """Return the causes that an alarm of a system can have."""
    return [cause for cause in CAUSE_CODES.values() if system in cause.systems]
