// Times as they are typed: local, 24 hours, whatever the browser's own input would show. 2026-11-23 23:14
const FORM = /^(\d{4})-(\d\d?)-(\d\d?)[ T](\d\d?):(\d\d)$/;

export function localText(time: number): string {
  const date = new Date(time);
  const two = (part: number) => String(part).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** Epoch milliseconds; null for what is no such time. */
export function localTime(text: string): number | null {
  const parts = FORM.exec(text.trim())?.slice(1).map(Number);
  if (!parts) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = parts;
  const date = new Date(year, month - 1, day, hour, minute);
  // 31 February would become a day of March
  return date.getDate() === day && date.getMonth() === month - 1 && date.getHours() === hour && minute < 60
    ? date.getTime()
    : null;
}
