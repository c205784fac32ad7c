// What words_plugin.ts makes of src/words for a build: the texts of one language, by the names of their pairs.
declare module "virtual:words-*" {
  const texts: Record<string, Record<string, string>>;
  export default texts;
}
