// The first page: open alarms, live. Whatever comes from the server is set as text, never as markup.
"use strict";

const WORDS = {
  zh: {
    title: "城市生命线监测", key: "访问密钥（API key）", enter: "进入", leave: "退出", other: "English",
    alarms: "未恢复与未确认的报警", severity: "等级", state: "状态", place: "位置", rule: "规则", value: "数值",
    raised: "发生时间", none: "当前没有报警。", acknowledge: "确认", journal: "报警日志", close: "关闭",
    supplement: "Lifeline 是经认证的燃气报警装置的补充，绝不能取代它们。",
    red: "一级 红 Ⅰ R", orange: "二级 橙 Ⅱ O", yellow: "三级 黄 Ⅲ Y", blue: "四级 蓝 Ⅳ B",
    instrument: "仪表", system: "系统", returned: "已恢复",
    unacknowledged: "未确认", acknowledged: "已确认", returned_unacknowledged: "已恢复未确认",
    latched_unacknowledged: "已锁存未确认", latched_acknowledged: "已锁存已确认", shelved: "已搁置",
    suppressed_by_design: "设计抑制", out_of_service: "停用", until: "至 ",
    unknown: "情况不明：传感器失联或数据异常", live: "实时", age: "秒前更新", lost: "连接中断，数据截至",
    never: "尚未连接", test: "测试", exercise: "演练", operational: "运行", views: "视图",
    banner_test: "测试：以下不是正式运行的报警", banner_exercise: "演练 · 演练 · 演练：以下均非真实报警",
    elsewhere: "未显示在此：", unacknowledgedCount: "未确认",
    behind: "数据处理滞后，已评估至 ", wrongKey: "密钥无效或已撤销。", refused: "未完成：",
    more: "仪表报警过多，仅显示最近部分：", total: "共", retroactive: "迟到数据补报", expected: "预计 ", to: " 至 ",
  },
  en: {
    title: "city lifelines", key: "API key", enter: "Enter", leave: "Leave", other: "中文",
    alarms: "Open alarms", severity: "Severity", state: "State", place: "Place", rule: "Rule", value: "Value",
    raised: "Raised", none: "There is no open alarm.", acknowledge: "Acknowledge", journal: "Journal", close: "Close",
    supplement: "Lifeline supplements certified gas alarms and never replaces them.",
    red: "Red I (R)", orange: "Orange II (O)", yellow: "Yellow III (Y)", blue: "Blue IV (B)",
    instrument: "instrument", system: "system", returned: "returned",
    unacknowledged: "unacknowledged", acknowledged: "acknowledged", returned_unacknowledged: "returned, unacknowledged",
    latched_unacknowledged: "latched, unacknowledged", latched_acknowledged: "latched, acknowledged",
    shelved: "shelved", suppressed_by_design: "suppressed by design", out_of_service: "out of service", until: "until ",
    unknown: "condition unknown: the sensor is silent or its readings are bad", live: "live", age: "s old",
    lost: "connection lost, data as of", never: "not connected yet", test: "test", exercise: "exercise",
    operational: "in operation", views: "views",
    banner_test: "TEST: these are not alarms of a city in operation",
    banner_exercise: "EXERCISE · EXERCISE · EXERCISE: none of these alarms is real",
    elsewhere: "not shown here: ", unacknowledgedCount: "unacknowledged",
    behind: "Evaluation lags; it has come to ",
    wrongKey: "The key is not known or was revoked.", refused: "Not done: ",
    more: "Too many instrument alarms; only the newest are shown: ", total: "",
    retroactive: "retroactive, by late readings", expected: "expected ", to: " to ",
  },
};
const MODES = ["operational", "exercise", "test"];
const WAITING = ["unacknowledged", "returned_unacknowledged", "latched_unacknowledged"];
const SUPPRESSED = ["shelved", "suppressed_by_design", "out_of_service"];
const RANK = { red: 4, orange: 3, yellow: 2, blue: 1 };
const PAGE_ROWS = 500;
const RELOAD_MS = 2000;
const PROCESS_PAGES_MAX = 20;
const BACK_OFF_MS_MAX = 30000;
const SILENCE_MS_MAX = 45000; // three heartbeats

const alarms = new Map(); // alarm id -> item
let key = "";
let person = null; // who logged in by name and password; the cookie is the browser's
let language = localStorage.getItem("language") || (navigator.language.startsWith("zh") ? "zh" : "en");
let lastEvent = null;
let lastHeard = null;
let connected = false;
let session = 0; // raised when the key changes, so that older loops end
let view = null; // the mode whose alarms are shown; never two of them together
let status = null;
let instrumentMore = false;
let loading = null;
const pendingKeys = new Map(); // "alarm sequence" -> idempotency key, kept for a repeated click

const byId = (id) => document.getElementById(id);
const word = (name) => WORDS[language][name] ?? LOG_IN_WORDS[language][name] ?? name;
const isInside = () => key !== "" || person !== null;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function element(tag, text, className) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

function newKey() { // crypto.randomUUID wants https, which a closed network may not have
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

async function request(path, options = {}) {
  const headers = { ...(key && { Authorization: `Bearer ${key}` }), ...options.headers };
  return fetch(`/api/v1${path}`, { ...options, headers, cache: "no-store" });
}

async function read(path) {
  const answer = await request(path);
  if (answer.status === 401) throw new WrongKey();
  if (!answer.ok) throw new Error((await answer.json()).detail);
  return answer.json();
}

class WrongKey extends Error {}

async function loadAlarms() {
  const mine = session;
  const found = new Map();
  let asOf = Infinity; // the list holds everything up to this event
  const load = async (filter, pagesMax) => {
    let after = "";
    for (let page = 0; page < pagesMax; page += 1) {
      const body = await read(`/alarms?mode=${view}&${filter}&limit=${PAGE_ROWS}${after && `&after=${encodeURIComponent(after)}`}`);
      asOf = Math.min(asOf, body.newest_event);
      for (const item of body.alarms) found.set(item.alarm, item);
      if (!body.next) return false;
      after = body.next;
    }
    return true;
  };
  await load("class=process", PROCESS_PAGES_MAX);
  await load("class=system", 1);
  const more = await load("class=instrument", 1);
  if (mine !== session) return; // another view meanwhile
  instrumentMore = more;
  for (const [id, item] of found) keep(id, item);
  for (const [id, item] of alarms) {
    const cut = instrumentMore && item.class === "instrument";
    if (!found.has(id) && !cut && item.event <= asOf) alarms.delete(id);
  }
  render();
}

function keep(id, item) { // an event may overtake the list, and the other way round
  const known = alarms.get(id);
  if (known && known.sequence > item.sequence) return;
  if (item.state === "normal") alarms.delete(id);
  else alarms.set(id, { ...known, ...item });
}

async function loadStatus() {
  const mine = session;
  const found = await read("/status");
  if (mine !== session) return;
  status = found;
  showStatus();
}

function unacknowledgedOf(mode) {
  return Object.values(status.totals[mode].alarms)
    .reduce((sum, states) => sum + WAITING.reduce((part, state) => part + (states[state] ?? 0), 0), 0);
}

function viewsThere() {
  const listed = (mode) => Object.values(status.totals[mode].alarms).some((s) => Object.values(s).some((n) => n > 0));
  return MODES.filter((mode) => mode === view || status.totals[mode].cities > 0 || listed(mode));
}

function showStatus() {
  if (!status || !view) return;
  byId("behind").hidden = !status.behind;
  byId("behind").textContent = word("behind") + localTime(status.evaluated_through.clock);
  const name = (city) => (language === "zh" ? city.name_zh : city.name) || city.city;
  const names = status.cities.filter((city) => city.mode === view).map(name).join(", ");
  byId("mode").hidden = view === "operational";
  byId("mode").textContent = view === "operational" ? "" : `${word(`banner_${view}`)} (${names})`;
  document.body.dataset.mode = view;
  document.title = view === "operational" ? "Lifeline 城市生命线" : `[${word(view)}] Lifeline 城市生命线`;
  const there = viewsThere();
  byId("views").hidden = there.length < 2;
  byId("views").setAttribute("aria-label", word("views"));
  byId("views").replaceChildren(...there.map((mode) => {
    const count = unacknowledgedOf(mode);
    const button = element("button", word(mode) + (count ? ` · ${count} ${word("unacknowledgedCount")}` : ""), mode);
    button.type = "button";
    button.setAttribute("aria-pressed", String(mode === view));
    button.addEventListener("click", () => show(mode));
    return button;
  }));
  // Whoever trains must not miss what is real.
  const real = view === "operational" ? 0 : unacknowledgedOf("operational");
  byId("real").hidden = real === 0;
  byId("real").textContent = `${word("elsewhere")}${word("operational")} · ${real} ${word("unacknowledgedCount")}`;
}

function show(mode) {
  if (mode === view) return;
  view = mode;
  sessionStorage.setItem("view", mode);
  begin();
}

async function follow(mine) {
  let wait = 1000;
  while (mine === session) {
    const stop = new AbortController();
    const watch = setInterval(() => { if (Date.now() - lastHeard > SILENCE_MS_MAX) stop.abort(); }, 1000);
    try {
      lastHeard = Date.now();
      const headers = lastEvent === null ? {} : { "Last-Event-ID": String(lastEvent) };
      const answer = await request(`/alarms/stream?mode=${view}`, { headers, signal: stop.signal });
      if (answer.status === 401) throw new WrongKey();
      if (!answer.ok) throw new Error(answer.statusText);
      connected = true;
      const first = loadAlarms(); // after the stream is open: nothing falls between the two
      first.catch(() => stop.abort());
      await consume(answer.body.getReader(), mine);
      await first;
      wait = 1000;
    } catch (error) {
      if (error instanceof WrongKey) return leave(word(person ? "sessionEnded" : "wrongKey"));
    } finally {
      clearInterval(watch);
      connected = false;
      showFeed();
    }
    await sleep(wait * (0.5 + Math.random()));
    wait = Math.min(wait * 2, BACK_OFF_MS_MAX);
  }
}

async function consume(reader, mine) {
  const decoder = new TextDecoder();
  let buffer = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done || mine !== session) return reader.cancel();
    lastHeard = Date.now();
    buffer += decoder.decode(value, { stream: true });
    const blocks = buffer.split("\n\n");
    buffer = blocks.pop();
    blocks.forEach(take);
    if (blocks.length) render();
    showFeed();
  }
}

function take(block) {
  const fields = {};
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1).trimStart();
  }
  if (fields.id !== undefined) lastEvent = Number(fields.id);
  if (fields.event !== "transition") return;
  const line = JSON.parse(fields.data);
  if (line.mode !== view) return;
  if (!alarms.has(line.alarm) || line.class === "instrument") loadSoon(); // names, and doubts on other alarms
  const raised = line.sequence === 1 ? { raised_at: line.time } : {};
  keep(line.alarm, { ...line, ...raised, state: line.to, changed_at: line.time, event: lastEvent });
}

function loadSoon() {
  if (loading) return;
  const mine = session;
  loading = setTimeout(() => {
    loading = null;
    if (mine === session) loadAlarms().catch(() => {});
  }, RELOAD_MS);
}

function render() {
  // What waits for a person first, what is kept quiet last: it is never out of sight.
  const urgency = (item) => (WAITING.includes(item.state) ? 2 : SUPPRESSED.includes(item.state) ? 0 : 1);
  const shown = [...alarms.values()].sort((a, b) =>
    urgency(b) - urgency(a) ||
    (RANK[b.severity] ?? 0) - (RANK[a.severity] ?? 0) ||
    String(b.raised_at).localeCompare(String(a.raised_at)));
  byId("rows").replaceChildren(...shown.slice(0, 2000).map(row));
  byId("count").textContent = `(${word("total")}${shown.length})`;
  byId("none").hidden = shown.length > 0;
  byId("more").hidden = !instrumentMore;
  byId("more").textContent = word("more") + PAGE_ROWS;
}

function rowClass(state) {
  if (SUPPRESSED.includes(state)) return "suppressed";
  return WAITING.includes(state) ? "unacknowledged" : "";
}

function row(item) {
  const line = element("tr", undefined, `${item.mode} ${rowClass(item.state)}`);
  const level = item.severity ?? (item.class === "process" ? "returned" : item.class);
  const severity = element("td");
  severity.append(element("span", word(level), `severity ${item.severity ?? "other"}`));
  if (item.mode !== "operational") severity.append(element("span", word(item.mode), "tag"));
  const state = element("td", word(item.state));
  if (item.until && SUPPRESSED.includes(item.state)) {
    state.append(element("span", word("until") + localTime(item.until), "small"));
  }
  if (item.condition === "unknown") state.append(element("span", word("unknown"), "small"));
  const place = element("td", (language === "zh" ? item.name_zh || item.name : item.name || item.name_zh) || item.sensor);
  place.append(element("span", [item.city, item.district, item.system, item.sensor].filter(Boolean).join(" · "), "small"));
  const rule = element("td", item.rule);
  rule.append(element("span", item.reason, "small"));
  const value = element("td", item.value === null ? "–" : String(item.value));
  if (item.limit !== null) value.append(element("span", `/ ${item.limit}`, "small"));
  const raised = element("td", localTime(item.raised_at));
  if (item.retroactive) raised.append(element("span", word("retroactive"), "small"));
  if (item.expected_from) {
    const span = localTime(item.expected_from) + word("to") + localTime(item.expected_to);
    raised.append(element("span", word("expected") + span, "small"));
  }
  const actions = element("td", undefined, "actions");
  if (WAITING.includes(item.state)) {
    const button = element("button", word("acknowledge"));
    button.type = "button";
    button.addEventListener("click", () => acknowledge(item, button));
    actions.append(button);
  }
  const journal = element("button", word("journal"));
  journal.type = "button";
  journal.addEventListener("click", () => showJournal(item.alarm));
  actions.append(" ", journal);
  line.append(severity, state, place, rule, value, raised, actions);
  return line;
}

async function acknowledge(item, button) {
  button.disabled = true;
  const act = `${item.alarm} ${item.sequence}`;
  if (!pendingKeys.has(act)) pendingKeys.set(act, newKey());
  try {
    const answer = await request(`/alarms/${encodeURIComponent(item.alarm)}/acknowledge`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": pendingKeys.get(act) },
      body: JSON.stringify({ seen_sequence: item.sequence }),
    });
    const body = await answer.json();
    if (!answer.ok) {
      tell(`${word("refused")}${body.detail}${body.remedy ? ` (${body.remedy})` : ""}`);
      if (body.alarm) keep(body.alarm.alarm, body.alarm);
    } else {
      tell("");
      keep(body.alarm, { ...body, state: body.to });
    }
    pendingKeys.delete(act);
    render();
  } catch (error) {
    tell(word("refused") + error.message); // the key is kept: a second click repeats the same act
    button.disabled = false;
  }
}

async function showJournal(alarm) {
  try {
    const lines = await read(`/alarms/${encodeURIComponent(alarm)}/journal`);
    const mode = lines.at(-1)?.mode;
    byId("journal-alarm").textContent = mode === "operational" ? alarm : `[${word(mode)}] ${alarm}`;
    byId("journal-lines").textContent = lines.map((line) => JSON.stringify(line, null, 1)).join("\n");
    byId("journal").hidden = false;
    byId("journal").scrollIntoView();
  } catch (error) {
    tell(word("refused") + error.message);
  }
}

function showFeed() {
  const feed = byId("feed");
  feed.classList.toggle("lost", !connected && isInside());
  if (!isInside()) feed.textContent = "";
  else if (connected) feed.textContent = `${word("live")} · ${Math.round((Date.now() - lastHeard) / 1000)} ${word("age")}`;
  else feed.textContent = lastHeard ? `${word("lost")} ${new Date(lastHeard).toLocaleTimeString()}` : word("never");
}

function localTime(text) {
  return text ? new Date(text).toLocaleString(language === "zh" ? "zh-CN" : "en-GB") : "–";
}

function tell(text) {
  byId("message").textContent = text;
  byId("message").hidden = !text;
}

function showWords() {
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = word(node.dataset.text);
  byId("language").textContent = word("other");
  showStatus();
  render();
  showFeed();
}

function leave(text = "") {
  session += 1;
  key = "";
  person = null;
  lastEvent = null;
  view = status = null;
  alarms.clear();
  delete document.body.dataset.mode;
  sessionStorage.removeItem("key");
  for (const id of ["alarms", "journal", "leave", "mode", "behind", "views", "real"]) byId(id).hidden = true;
  showLogIn();
  tell(text);
  showFeed();
}

function enter(given) {
  key = given;
  person = null;
  sessionStorage.setItem("key", key);
  openAlarms();
}

function enterAs(me) {
  key = "";
  person = me;
  if (me.role !== "security_administrator") return openAlarms();
  byId("leave").hidden = false;
  tell(word("administers"));
}

function openAlarms() {
  view = status = null;
  showForms();
  byId("alarms").hidden = false;
  byId("leave").hidden = false;
  tell("");
  begin();
  const asked = new URLSearchParams(location.search).get("alarm"); // messages lead here
  if (asked) showJournal(asked);
}

function begin() { // anew, with the key and the view as they are
  session += 1;
  lastEvent = null;
  alarms.clear();
  byId("journal").hidden = true;
  showStatus();
  render();
  keepStatus(session);
}

async function keepStatus(mine) {
  let following = false;
  while (mine === session) {
    try {
      await loadStatus();
      if (mine !== session) return;
      if (!view) chooseView();
      if (!following) follow(mine);
      following = true;
    } catch (error) { if (error instanceof WrongKey) return leave(word(person ? "sessionEnded" : "wrongKey")); }
    await sleep(following ? 10000 : 1000);
  }
}

function chooseView() { // what was shown last; else what is real; else what there is
  const kept = sessionStorage.getItem("view");
  const there = viewsThere();
  view = there.includes(kept) ? kept : there[0] ?? "operational";
  showStatus();
}

byId("key-login").addEventListener("submit", (event) => { event.preventDefault(); enter(byId("key").value.trim()); });
byId("leave").addEventListener("click", async () => {
  if (person) await sendSession("", "DELETE").catch(() => {});
  leave();
});
byId("journal-close").addEventListener("click", () => { byId("journal").hidden = true; });
byId("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  localStorage.setItem("language", language);
  showWords();
});
function keyFromAddress() {
  const match = /^#key=([\w-]+)$/.exec(location.hash);
  if (match) history.replaceState(null, "", location.pathname + location.search); // the key does not stay in the address bar
  return match?.[1];
}
