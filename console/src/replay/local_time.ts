// Times as `<input type="datetime-local">` writes them: local, without a zone.

/** 2026-11-22T14:05:09 of the reader's zone. */
export function localText(time: number): string {
  const at = new Date(time);
  const two = (value: number) => String(value).padStart(2, "0");
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${date}T${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** The instant (ms) of such a text. */
export const local = (text: string): number => new Date(text).getTime();
