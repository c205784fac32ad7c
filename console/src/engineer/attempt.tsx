// An act that is sent to the service: whether it is under way, and why it was refused, until it is tried again.
import { useSignal } from "@preact/signals";
import { failureOf } from "./loaded";

export function useAttempt() {
  const sending = useSignal(false);
  const failure = useSignal("");
  const attempt = async (act: () => Promise<void>): Promise<void> => {
    sending.value = true;
    failure.value = "";
    try {
      await act();
    } catch (error) {
      failure.value = failureOf(error);
    } finally {
      sending.value = false;
    }
  };
  return { sending, failure, attempt };
}

export function Failure({ text }: { text: string }) {
  return text === "" ? null : (
    <p role="alert" class="wide">
      {text}
    </p>
  );
}
