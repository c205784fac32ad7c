// Why a message could not be used, in words.
import { engineerQuarantineWords } from "../words/engineer_quarantine";

export function reasonText(reason: string): string {
  const words = engineerQuarantineWords();
  return (words[`reason_${reason}` as keyof typeof words] as string | undefined) ?? reason;
}
