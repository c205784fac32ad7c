// A button that opens files; the browser's own speaks the browser's language.
export function FileInput({ label, onFiles }: { label: string; onFiles: (files: File[]) => void }) {
  return (
    <label class="engineer-file">
      {label}
      <input
        type="file"
        class="unseen"
        accept=".yaml,.yml"
        multiple
        onChange={(event) => {
          onFiles([...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = "";
        }}
      />
    </label>
  );
}
