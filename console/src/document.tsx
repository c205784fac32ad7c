// Pages and files of the API that are opened or kept beside the console: to print, to pass on.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { apiKey, messageOf, request } from "./api";

/** A page or file of the API: a link where a person is logged in; with a key, which no link can carry, a download. */
export function Document({ path, file, children }: { path: string; file: string; children: ComponentChildren }) {
  const failure = useSignal("");
  if (!apiKey.value) {
    return (
      <a href={`/api/v1${path}`} target="_blank" rel="noopener">
        {children}
      </a>
    );
  }
  const download = async () => {
    try {
      const answer = await request(path);
      if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await answer.blob());
      link.download = file;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
      failure.value = "";
    } catch (error) {
      failure.value = messageOf(error);
    }
  };
  return (
    <>
      <button type="button" onClick={download}>
        {children}
      </button>
      {failure.value && <span role="alert"> {failure.value}</span>}
    </>
  );
}
