// What the pages do better with a script: keys that choose, words that survive a desk that does not answer, and one request
// for two clicks. Without it every form works as a plain form.
"use strict";

const trouble = document.getElementById("trouble");
const form = document.querySelector("form.keep");
const keys = document.getElementById("keys");
const drafts = "elara draft ";

// say tells people what is wrong, read aloud too.
function say(text) {
  trouble.textContent = "";
  trouble.textContent = text;
}

// The words of this pair or candidate stay in this tab until they are kept.
function keepDraft() {
  const words = form && form.querySelector("#reason");
  if (!words || !form.dataset.draft) return;
  const key = drafts + form.dataset.draft;
  if (!words.value) words.value = sessionStorage.getItem(key) || "";
  words.addEventListener("input", () => sessionStorage.setItem(key, words.value));
}

let sending = false;

// send posts the form and follows to the next page. Whatever fails, the page stays as it is.
async function send() {
  if (sending) return;
  sending = true;
  const button = form.querySelector("button[type=submit]");
  button.setAttribute("aria-disabled", "true");
  document.getElementById("told").textContent = ""; // it is about what was sent before
  say("");
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (answer.redirected) { // it was taken
      if (form.dataset.draft) sessionStorage.removeItem(drafts + form.dataset.draft);
      location.assign(answer.url);
      return; // the page is left; nothing more is sent from it
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const failed = page.getElementById("failed");
    say(failed ? failed.textContent : "The desk answered " + answer.status + ". Send it again in a moment.");
  } catch {
    say("The desk does not answer. What you typed is still here: send it again in a moment. The same said twice counts once.");
  }
  sending = false;
  button.removeAttribute("aria-disabled");
}

if (form) {
  keepDraft();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
}

// Single keys can be switched off, and never work while somebody types.
if (keys) {
  keys.closest("label").hidden = false;
  keys.checked = localStorage.getItem("elara keys") !== "off";
  keys.addEventListener("change", () => localStorage.setItem("elara keys", keys.checked ? "on" : "off"));
  document.addEventListener("keydown", (event) => {
    if (!keys.checked || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    if (event.target.matches("textarea, input:not([type=radio]), button, a")) return;
    const choice = form.querySelector('[data-key="' + CSS.escape(event.key.toLowerCase()) + '"]');
    if (choice) {
      choice.checked = true;
      choice.focus();
      event.preventDefault();
    } else if (event.key === "Enter") {
      event.preventDefault();
      form.requestSubmit();
    }
  });
}
