"use strict";
// A personal link ends in #TOKEN: a fragment stays in the browser, so the token is in no log of a server or proxy.
const form = document.getElementById("enter"), field = form.elements.token;
function take() {
  if (!field || location.hash.length < 2) return;
  field.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
  form.submit(); // a name is not asked of who brings a token
}
addEventListener("hashchange", take);
take();
