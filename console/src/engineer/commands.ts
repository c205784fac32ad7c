// Commands that the view names where something is done by command alone; they are the same in every language.
export const COMMANDS = {
  adviseRules: "lifeline rules advise --from … --to …",
  importNotifications: "lifeline notifications import FILE",
  setRetention: "lifeline retention set …",
  verifyAudit: "lifeline audit verify FILE",
} as const;
