// A code on a manhole cover or plate, read from a photograph; only where the browser can, and the camera is its own.
import { useSignal } from "@preact/signals";
import { fieldWords } from "../words/field";
import { Refusal } from "./parts";

interface Detector {
  detect(image: ImageBitmap): Promise<{ rawValue: string }[]>;
}
const Detectors = (globalThis as { BarcodeDetector?: new () => Detector }).BarcodeDetector;

export function ScanButton({ found }: { found: (code: string) => void }) {
  const words = fieldWords();
  const failed = useSignal(false);
  if (!Detectors) return null;
  const scan = async (file: File | undefined) => {
    if (!file) return;
    const codes = await createImageBitmap(file)
      .then((image) => new Detectors().detect(image))
      .catch(() => []);
    failed.value = codes.length === 0;
    if (codes[0]) found(codes[0].rawValue);
  };
  return (
    <>
      <label class="field-scan">
        {words.scan}
        <input
          type="file"
          accept="image/*"
          capture="environment"
          onChange={(event) => scan(event.currentTarget.files?.[0])}
        />
      </label>
      {failed.value && <Refusal text={words.scanned} />}
    </>
  );
}
