// Makes pages that work without it nicer: times in the reader's zone, one menu open at a time, keys.
"use strict";

const stamp = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

function localTimes(root) {
  for (const time of root.querySelectorAll("time[data-absolute]")) {
    time.textContent = stamp.format(new Date(time.dateTime));
  }
}

document.addEventListener("toggle", (event) => {
  if (!event.target.matches("details.menu") || !event.target.open) return;
  for (const other of document.querySelectorAll("details.menu[open]")) {
    if (other !== event.target) other.open = false;
  }
}, true);

document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.menu[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = event.target.closest && event.target.closest("details[open].menu");
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
});

// On a small screen the tabs of an Application scroll: the open one is brought to their middle.
function showTab() {
  const open = document.querySelector('.tabs [aria-current="page"]');
  if (!open) return;
  const tabs = open.parentElement;
  const [all, one] = [tabs.getBoundingClientRect(), open.getBoundingClientRect()];
  tabs.scrollLeft += one.left - all.left - (all.width - one.width) / 2;
}

document.addEventListener("DOMContentLoaded", showTab);

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) { event.preventDefault(); return; }
  if (event.target.method !== "post" || event.target.dataset.download !== undefined) return;
  event.target.dataset.sent = "yes";
  if (event.submitter) event.submitter.setAttribute("aria-busy", "true");
});

// A page that the browser shows again from its memory may be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  for (const button of document.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
});

document.addEventListener("htmx:load", (event) => localTimes(event.target));
document.addEventListener("DOMContentLoaded", () => localTimes(document));

// Pages that show something that runs are fetched again when the server says that it changed. A part that somebody
// is typing in is kept, unless its form is gone.
const parts = "section.card[id], .figures[id]";
let stream = null;

function isBusy(part, fresh) {
  const form = [...part.querySelectorAll("form")].find((each) => each.contains(document.activeElement) ||
    [...each.elements].some((field) => "defaultValue" in field && field.type !== "hidden" && field.value !== field.defaultValue));
  if (form) return fresh.querySelector(`form[action="${form.getAttribute("action")}"]`) !== null;
  return part.querySelector("details.menu[open]") !== null;
}

function exchange(old, fresh) {
  const opened = [...old.querySelectorAll("details:not(.menu)")].map((each) => each.open);
  for (const [at, details] of fresh.querySelectorAll("details:not(.menu)").entries()) details.open = opened[at] ?? false;
  old.replaceWith(fresh);
  localTimes(fresh);
  if (window.htmx) window.htmx.process(fresh);
}

async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
  if (!answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const now = [...document.querySelectorAll(parts)];
  const next = new Map([...page.querySelectorAll(parts)].map((each) => [each.id, each]));
  const content = document.querySelector("#content");
  const status = document.querySelector("#live-status");
  if (now.length === next.size && now.every((each) => next.has(each.id))) {
    for (const part of now) {
      const fresh = next.get(part.id);
      if (!isBusy(part, fresh)) exchange(part, document.adoptNode(fresh));
    }
  } else if (!isBusy(content, page.querySelector("#content"))) {
    exchange(content, document.adoptNode(page.querySelector("#content")));
  }
  document.querySelector("#main").dataset.live = page.querySelector("#main").dataset.live;
  if (status) status.textContent = "The page is up to date again.";
}

function follow() {
  const main = document.querySelector("[data-live]");
  if (stream || !main || document.hidden) return;
  stream = new EventSource(main.dataset.live);
  let waiting = null;
  stream.addEventListener("changed", () => {
    clearTimeout(waiting);
    waiting = setTimeout(refresh, 150);
  });
}

// A browser has few connections to one server: those of pages that nobody sees are given back.
document.addEventListener("visibilitychange", () => {
  if (document.hidden && stream) {
    stream.close();
    stream = null;
  } else {
    follow();
  }
});
document.addEventListener("DOMContentLoaded", follow);

// Keys, for whoever did not switch them off; the page /console/keys lists them.
const rows = ".items > li, .table-blocks tbody tr";

function isTyping(element) {
  return element.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(element.tagName);
}

function step(by) {
  const all = [...document.querySelectorAll(rows)].filter((each) => each.checkVisibility() && each.querySelector("a, button"));
  if (!all.length) return;
  const here = all.findIndex((each) => each.contains(document.activeElement));
  const next = all[here < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, here + by))];
  next.querySelector("a, button").focus();
  next.scrollIntoView({ block: "nearest" });
}

// The form of the row in which the reader is, or else the first one of the page.
function decisionForm() {
  const row = document.activeElement.closest && document.activeElement.closest(".items > li");
  const button = (row && row.querySelector('button[name="decision"]')) || document.querySelector('button[name="decision"]');
  return button && button.form;
}

function decide(value) {
  const form = decisionForm();
  if (!form) return;
  const comment = form.elements.comment;
  if (value === "reject" && !comment.value.trim()) {
    comment.dataset.then = "reject";
    comment.focus();
    return;
  }
  form.querySelector(`button[value="${value}"]`).focus();
}

const KEYS = {
  "/": () => {
    const menu = document.querySelector("#menu");
    if (menu && menu.checkVisibility()) menu.checked = true;
    document.querySelector("#quick-search")?.focus();
  },
  "?": () => location.assign("/console/keys"),
  j: () => step(1),
  k: () => step(-1),
  a: () => decide("approve"),
  x: () => decide("reject"),
};

document.addEventListener("keydown", (event) => {
  const target = event.target;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && target.dataset && target.dataset.then) {
    event.preventDefault();
    target.form.requestSubmit(target.form.querySelector(`button[value="${target.dataset.then}"]`));
    return;
  }
  if (document.documentElement.dataset.keys === "off" || isTyping(target)) return;
  if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
  event.preventDefault();
  KEYS[event.key]();
});
