// Roles as app/access.py has them; pure. The service decides, the console only does not offer what would be refused.

export type Role =
  | "viewer"
  | "operator"
  | "field"
  | "engineer"
  | "supervisor"
  | "system_administrator"
  | "security_administrator"
  | "auditor";

export const ACKNOWLEDGERS: readonly Role[] = ["operator", "field", "supervisor"];
export const DESK: readonly Role[] = ["operator", "supervisor"];
export const SITE_WORKERS: readonly Role[] = ["operator", "field", "engineer", "supervisor"];
export const OUT_OF_SERVICE_TAKERS: readonly Role[] = ["engineer", "supervisor"];
