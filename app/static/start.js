// Starts the first page: by the key in the address or of this tab, by the session that the browser has, or with log-in.
"use strict";

window.addEventListener("hashchange", () => { const given = keyFromAddress(); if (given) enter(given); });
showWords();
setInterval(showFeed, 1000);
const given = keyFromAddress() ?? sessionStorage.getItem("key");
if (given) enter(given);
else meAgain().catch(() => leave());
