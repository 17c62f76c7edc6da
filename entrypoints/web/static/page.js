// On every page: times in the reader's zone, copying, and what live parts need. All of it optional.
"use strict";

const shown = new Intl.DateTimeFormat(undefined, {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit",
});

function localTimes(within) {
  for (const time of within.querySelectorAll("time[datetime]:not([data-countdown])")) {
    const moment = new Date(time.dateTime);
    if (!Number.isNaN(moment.getTime())) time.textContent = shown.format(moment);
  }
}

// "3:12", "2:03:12", "13 days": how long until a time that is ahead
function countDown() {
  for (const time of document.querySelectorAll("time[data-countdown]")) {
    const left = Math.round((new Date(time.dateTime) - Date.now()) / 1000);
    const text = left > 0 ? ahead(left) : "a moment";
    if (time.textContent !== text) time.textContent = text;
  }
}

function ahead(left) {
  if (left >= 2 * 86400) return `${Math.floor(left / 86400)} days`;
  const parts = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
  if (!parts[0]) parts.shift();
  return parts.map((part, i) => (i ? String(part).padStart(2, "0") : part)).join(":");
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    return; // not allowed here; the text can be selected as ever
  }
  button.classList.add("copied");
  announce("Copied");
  setTimeout(() => button.classList.remove("copied"), 1500);
}

function announce(words) {
  const announcer = document.getElementById("announcer");
  if (announcer && announcer.textContent !== words) announcer.textContent = words;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});

// A live part sends the tag of what it shows, so that most answers are an empty 304.
document.addEventListener("htmx:configRequest", (event) => {
  const etag = event.detail.elt.dataset.etag;
  if (etag) event.detail.headers["If-None-Match"] = `"${etag}"`;
});

// A swap keeps the focus where it was, as long as what had it is still there.
document.addEventListener("htmx:beforeSwap", () => {
  const held = document.activeElement;
  document.body.dataset.held = held && held.id ? held.id : "";
});

document.addEventListener("htmx:afterSettle", (event) => {
  const part = document.getElementById(event.detail.elt.id) || event.detail.elt;
  localTimes(part);
  countDown();
  if (part.dataset.announce) announce(part.dataset.announce);
  const held = document.body.dataset.held;
  if (held && document.activeElement === document.body) document.getElementById(held)?.focus();
});

localTimes(document);
countDown();
setInterval(countDown, 1000);
