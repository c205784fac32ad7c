// Log-in by name and password, with what may have to be done first: another password, a second factor.
"use strict";

const LOG_IN_WORDS = {
  zh: {
    name: "用户名", password: "密码", code: "验证码或恢复码", logIn: "登录", provider: "通过统一身份认证登录", or: "或使用访问密钥", newPassword: "新密码（至少 12 个字符）",
    change: "修改密码", confirm: "确认", codeNeeded: "请输入身份验证器显示的验证码，或一个恢复码。",
    mustChange: "此密码只能登录一次，请设置自己的密码。", mustEnrol: "此角色需要第二因素：请在身份验证器应用中添加以下密钥，再输入它显示的验证码。",
    recovery: "恢复码：每个只能用一次，现在请妥善保存，以后不再显示。", next: "继续", sessionEnded: "会话已结束，请重新登录。",
    administers: "已登录。此角色管理用户与密钥（/api/v1/users、/api/v1/keys），不显示报警。", noAnswer: "服务没有应答：",
  },
  en: {
    name: "Name", password: "Password", code: "Code, or recovery code", logIn: "Log in", provider: "Log in with the city's identity provider", or: "or by API key",
    newPassword: "New password (12 characters or more)", change: "Change password", confirm: "Confirm",
    codeNeeded: "Type the code that your authenticator app shows, or a recovery code.",
    mustChange: "This password was for one log-in. Choose one of your own.",
    mustEnrol: "This role needs a second factor: add this secret to an authenticator app, then type the code that it shows.",
    recovery: "Recovery codes, each good once. Keep them now; they are not shown again.", next: "Go on",
    sessionEnded: "The session has ended; log in again.",
    administers: "Logged in. This role manages users and keys (/api/v1/users, /api/v1/keys) and is shown no alarms.",
    noAnswer: "No answer from the service: ",
  },
};
const LOG_IN_FORMS = ["login", "key-login", "new-password-form", "second-factor-form", "recovery-form"];

let typed = ""; // the password, until what has to be done first is done

async function sendSession(path, method, body) {
  const headers = { "Content-Type": "application/json", "Accept-Language": language };
  const answer = await fetch(`/api/v1/session${path}`, { method, headers, body: body && JSON.stringify(body), cache: "no-store" });
  const said = answer.status === 204 ? {} : await answer.json();
  return { ok: answer.ok, said };
}

function showForms(...ids) {
  for (const id of LOG_IN_FORMS) byId(id).hidden = !ids.includes(id);
}

function showLogIn() {
  typed = "";
  for (const id of ["password", "code", "new-password", "new-code"]) byId(id).value = "";
  byId("code-part").hidden = true;
  showForms("login", "key-login");
  sendSession("/ways", "GET").then(({ ok, said }) => { byId("provider").hidden = !(ok && said.oidc); }, () => {});
}

async function greet(me) { // whoever is logged in, to what comes next
  if (me.must === "password" || me.must === "second_factor") {
    if (!typed) { // the page was loaded anew meanwhile
      await sendSession("", "DELETE");
      return leave();
    }
    if (me.must === "password") {
      showForms("new-password-form");
      return tell(word("mustChange"));
    }
    const { ok, said } = await sendSession("/second-factor", "POST", { password: typed });
    if (!ok) return tell(said.detail);
    byId("secret").textContent = `${said.secret}\n${said.uri}`;
    showForms("second-factor-form");
    return tell(word("mustEnrol"));
  }
  typed = "";
  showForms();
  enterAs(me);
}

async function meAgain() {
  const { ok, said } = await sendSession("", "GET");
  return ok ? greet(said) : leave();
}

function onSubmit(id, work) {
  byId(id).addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = event.submitter;
    if (button) button.disabled = true; // two clicks are one attempt
    try {
      await work();
    } catch (error) {
      tell(word("noAnswer") + error.message);
    } finally {
      if (button) button.disabled = false;
    }
  });
}

onSubmit("login", async () => {
  const code = byId("code").value.trim();
  typed = byId("password").value;
  const who = { name: byId("name").value.trim(), password: typed, ...(code && { code }) };
  const { ok, said } = await sendSession("", "POST", who);
  if (ok) {
    tell("");
    return greet(said);
  }
  if (said.type === "/docs#code-required") {
    byId("code-part").hidden = false;
    byId("code").focus();
    return tell(word("codeNeeded"));
  }
  return tell(said.remedy ? `${said.detail} (${said.remedy})` : said.detail);
});

onSubmit("new-password-form", async () => {
  const changed = byId("new-password").value;
  const { ok, said } = await sendSession("/password", "POST", { password: typed, new_password: changed });
  if (!ok) return tell(`${said.detail} (${said.remedy})`);
  typed = changed;
  tell("");
  return meAgain();
});

onSubmit("second-factor-form", async () => {
  const { ok, said } = await sendSession("/second-factor/confirm", "POST", { code: byId("new-code").value.trim() });
  if (!ok) return tell(`${said.detail} (${said.remedy})`);
  byId("recovery-codes").textContent = said.recovery_codes.join("\n");
  showForms("recovery-form");
  return tell(word("recovery"));
});

onSubmit("recovery-form", async () => {
  byId("recovery-codes").textContent = "";
  tell("");
  return meAgain();
});
