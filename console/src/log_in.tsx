// Log-in by name and password, with what may have to be done first: another password, a second factor; or by key.
import { signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { keepKey, Refused, read, send } from "./api";
import { chooseLanguage, language } from "./language";
import { QrCode } from "./qr_code";
import { logInReason, logOff, me, meAgain } from "./session";
import type { Enrolment, Me } from "./types";
import { logInWords } from "./words/log_in";

const PASSWORD_CHARACTERS_MIN = 12;
const PASSWORD_CHARACTERS_MAX = 256;

/** The password just typed, until what has to be done first is done. */
let typed = "";
const failure = signal("");
const recoveryCodes = signal<string[] | null>(null);

export function LogIn() {
  const words = logInWords();
  const must = me.value?.must;
  useEffect(() => {
    if (must && !typed) logOff(); // the page was loaded anew meanwhile: what was typed is gone
  }, [must]);
  return (
    <main class="log-in">
      <h1>Lifeline {words.title}</h1>
      <p>{words.supplement}</p>
      {logInReason.value && <p role="alert">{words[logInReason.value]}</p>}
      {failure.value && <p role="alert">{failure.value}</p>}
      {recoveryCodes.value ? (
        <RecoveryCodes />
      ) : must === "password" ? (
        <NewPassword />
      ) : must === "second_factor" ? (
        <SecondFactor />
      ) : (
        <Ways />
      )}
      <button
        type="button"
        lang={language.value === "zh" ? "en" : "zh-CN"}
        onClick={() => chooseLanguage(language.value === "zh" ? "en" : "zh")}
      >
        {words.otherLanguage}
      </button>
    </main>
  );
}

/** A form that is sent once at a time and says what went wrong. */
function Form({
  label,
  work,
  children,
}: {
  label: string;
  work: (form: FormData) => Promise<void>;
  children?: ComponentChildren;
}) {
  const busy = useSignal(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (busy.value) return;
    busy.value = true;
    failure.value = "";
    try {
      await work(new FormData(event.target as HTMLFormElement));
    } catch (error) {
      failure.value = error instanceof Refused ? error.message : logInWords().noAnswer;
    } finally {
      busy.value = false;
    }
  };
  return (
    <form onSubmit={submit} aria-label={label}>
      {children}
      <button type="submit" class="main" disabled={busy.value}>
        {label}
      </button>
    </form>
  );
}

const text = (form: FormData, name: string) => String(form.get(name) ?? "");

/** How one may log in: by name, by the city's identity provider where there is one, by key. */
function Ways() {
  const words = logInWords();
  const codeWanted = useSignal(false);
  const provider = useSignal(false);
  useEffect(() => {
    // without an answer the two ways that need no provider are offered
    read<{ oidc: boolean }>("/session/ways").then(
      (ways) => (provider.value = ways.oidc),
      () => {},
    );
  }, []);
  const byName = async (form: FormData) => {
    const code = text(form, "code").trim();
    typed = text(form, "password");
    keepKey("");
    try {
      await send<Me>("POST", "/session", { name: text(form, "name").trim(), password: typed, ...(code && { code }) });
    } catch (error) {
      if (!(error instanceof Refused) || error.problem.type !== "/docs#code-required") throw error;
      codeWanted.value = true;
      return;
    }
    await enter();
  };
  return (
    <>
      <Form label={words.logIn} work={byName}>
        <label for="name">{words.name}</label>
        <input
          id="name"
          name="name"
          autocomplete="username"
          autocapitalize="none"
          spellcheck={false}
          maxLength={128}
          required
        />
        <label for="password">{words.password}</label>
        <input
          id="password"
          name="password"
          type="password"
          autocomplete="current-password"
          maxLength={PASSWORD_CHARACTERS_MAX}
          required
        />
        {codeWanted.value && (
          <>
            <p role="status">{words.codeNeeded}</p>
            <label for="code">{words.code}</label>
            <input
              id="code"
              name="code"
              autocomplete="one-time-code"
              spellcheck={false}
              maxLength={40}
              required
              ref={focus}
            />
          </>
        )}
      </Form>
      {provider.value && (
        <p>
          <a href="/api/v1/session/oidc">{words.provider}</a>
        </p>
      )}
      <details>
        <summary>{words.byKey}</summary>
        <Form
          label={words.enter}
          work={async (form) => {
            keepKey(text(form, "key").trim());
            await meAgain();
          }}
        >
          <label for="key">{words.key}</label>
          <input id="key" name="key" type="password" autocomplete="off" spellcheck={false} required />
        </Form>
      </details>
    </>
  );
}

async function enter(): Promise<void> {
  await meAgain();
  if (!me.value?.must) typed = "";
}

function NewPassword() {
  const words = logInWords();
  const change = async (form: FormData) => {
    const changed = text(form, "new-password");
    await send("POST", "/session/password", { password: typed, new_password: changed });
    typed = changed;
    await enter();
  };
  return (
    <Form label={words.change} work={change}>
      <p role="status">{words.mustChange}</p>
      <label for="new-password">{words.newPassword}</label>
      <input
        id="new-password"
        name="new-password"
        type="password"
        autocomplete="new-password"
        minLength={PASSWORD_CHARACTERS_MIN}
        maxLength={PASSWORD_CHARACTERS_MAX}
        required
        ref={focus}
      />
    </Form>
  );
}

function SecondFactor() {
  const words = logInWords();
  const enrolment = useSignal<Enrolment | null>(null);
  useEffect(() => {
    if (!typed) return;
    send<Enrolment>("POST", "/session/second-factor", { password: typed }).then(
      (given) => (enrolment.value = given),
      (error: unknown) => (failure.value = error instanceof Refused ? error.message : words.noAnswer),
    );
  }, []);
  const confirm = async (form: FormData) => {
    const { recovery_codes } = await send<{ recovery_codes: string[] }>("POST", "/session/second-factor/confirm", {
      code: text(form, "new-code").trim(),
    });
    recoveryCodes.value = recovery_codes;
  };
  if (!enrolment.value) return null;
  return (
    <Form label={words.confirm} work={confirm}>
      <p role="status">{words.mustEnrol}</p>
      <QrCode text={enrolment.value.uri} label={words.qrCode} />
      <pre id="secret">{enrolment.value.secret}</pre>
      <label for="new-code">{words.newCode}</label>
      <input
        id="new-code"
        name="new-code"
        autocomplete="one-time-code"
        inputMode="numeric"
        maxLength={10}
        required
        ref={focus}
      />
    </Form>
  );
}

function RecoveryCodes() {
  const words = logInWords();
  return (
    <Form
      label={words.next}
      work={async () => {
        await enter(); // first: what had to be done is done
        recoveryCodes.value = null;
      }}
    >
      <p role="status">{words.recovery}</p>
      <pre id="recovery-codes">{recoveryCodes.value?.join("\n")}</pre>
    </Form>
  );
}

const focus = (node: HTMLElement | null) => node?.focus();
