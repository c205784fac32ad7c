// Starts the console: log-in first, then the view that the address names.
import { effect } from "@preact/signals";
import { render } from "preact";
import "./console.css";
import { personWithoutNetwork } from "./field/person";
import { Frame } from "./frame";
import { language, showLanguage } from "./language";
import { LogIn } from "./log_in";
import { begin, isInside, me } from "./session";

function Console() {
  if (me.value === undefined) return null;
  return isInside.value ? <Frame /> : <LogIn />;
}

effect(() => {
  document.documentElement.lang = language.value === "zh" ? "zh-CN" : "en";
});

async function start(): Promise<void> {
  for (let wait = 500; ; wait = Math.min(wait * 2, 10_000)) {
    try {
      return await begin();
    } catch {
      // a phone shows what it keeps; else the log-in page says that there is no answer; and it is tried again
      me.value = me.value || personWithoutNetwork();
      await new Promise((resume) => setTimeout(resume, wait));
    }
  }
}

start();
showLanguage(language.value).then(() => render(<Console />, document.getElementById("console") as HTMLElement));
