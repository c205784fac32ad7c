// Users and keys, for the security administrator.
import { Keys } from "./keys";
import { Users } from "./users";

export function Accounts() {
  return (
    <div class="engineer-one">
      <Users />
      <Keys />
    </div>
  );
}
