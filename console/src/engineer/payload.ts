// Bytes of a message for the eye: as text with what is not visible escaped, or in hexadecimal.
const ROW_BYTES = 16;

export function bytesOf(payload: string, encoding: "text" | "base64"): Uint8Array {
  return encoding === "text"
    ? new TextEncoder().encode(payload)
    : Uint8Array.from(atob(payload), (sign) => sign.charCodeAt(0));
}

/** Text in which what deceives the eye (controls, marks that turn the direction) is written out; lines stay lines. */
export function visibleText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu, (sign) =>
    sign === "\n" || sign === "\t" ? sign : `\\u{${(sign.codePointAt(0) as number).toString(16)}}`,
  );
}

/** Rows of sixteen bytes: place, bytes, and those that are ASCII. */
export function hexadecimal(bytes: Uint8Array): string {
  const rows: string[] = [];
  for (let start = 0; start < bytes.length; start += ROW_BYTES) {
    const row = [...bytes.slice(start, start + ROW_BYTES)];
    const hex = row
      .map((byte) => byte.toString(16).padStart(2, "0"))
      .join(" ")
      .padEnd(ROW_BYTES * 3 - 1);
    const ascii = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    rows.push(`${start.toString(16).padStart(6, "0")}  ${hex}  ${ascii}`);
  }
  return rows.join("\n");
}
