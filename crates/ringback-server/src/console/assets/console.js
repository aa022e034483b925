// The console's script: looks again at what is on a page, and shows what happens. All else works without it.
"use strict";

// --- Looking again: parts of the page are put in place of what they were, if they changed, and nobody is in them.

const REFRESH_HEADER = "X-Ringback-Refresh";
const seconds = Number(document.body.dataset.refresh);

function isInUse(part) {
  if (part.contains(document.activeElement)) return true;
  const selection = document.getSelection();
  return selection !== null && !selection.isCollapsed && part.contains(selection.anchorNode);
}

// What a person opened stays open.
function keepOpen(before, after) {
  const opened = before.querySelectorAll("details");
  after.querySelectorAll("details").forEach((details, at) => {
    if (opened[at]) details.open = opened[at].open;
  });
}

function sayEnded(text) {
  const said = document.getElementById("ended");
  const link = document.createElement("a");
  link.href = "/console/login?next=" + encodeURIComponent(location.pathname + location.search);
  link.textContent = "Log in";
  said.replaceChildren(text + " ", link);
  said.hidden = false;
}

async function lookAgain() {
  const answer = await fetch(location.href, { headers: { [REFRESH_HEADER]: "1" }, redirect: "manual" });
  if (answer.type === "opaqueredirect") {
    sayEnded("Your session has ended.");
    return false;
  }
  if (!answer.ok) return true;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-part]")) {
    const fresh = page.getElementById(part.id);
    if (fresh === null || isInUse(part)) continue;
    keepOpen(part, fresh);
    if (fresh.innerHTML !== part.innerHTML) part.replaceChildren(...fresh.childNodes);
  }
  return true;
}

async function keepLooking() {
  let goOn = true;
  if (document.visibilityState === "visible") {
    try {
      goOn = await lookAgain();
    } catch {
      // The server is away for a moment: what is shown stays.
    }
  }
  if (goOn) setTimeout(keepLooking, seconds * 1000);
}

if (seconds > 0) setTimeout(keepLooking, seconds * 1000);

// --- What happens.

const ROWS = 200;
const HELD = 500;
const happenings = document.getElementById("happenings");

if (happenings !== null && happenings.dataset.source) {
  const state = document.getElementById("live-state");
  const pause = document.getElementById("pause");
  const moods = { delivered: "good", accepted: "waiting", replayed: "waiting", failed: "wary", dead: "bad", cancelled: "quiet" };
  let held = [];
  let paused = false;
  let shown = 0;
  let dropped = 0;

  const cell = (tag, text, name) => {
    const made = document.createElement(tag);
    made.textContent = text;
    if (name) made.className = name;
    return made;
  };
  const link = (text, to) => {
    const made = document.createElement("a");
    made.textContent = text;
    made.href = to;
    return made;
  };
  const row = (one) => {
    const made = document.createElement("tr");
    made.className = "fresh";
    const what = cell("td", "", "what");
    what.append(cell("span", one.what, "badge " + (moods[one.what] || "quiet")));
    const account = document.createElement("td");
    account.append(link(one.account, "/console/accounts/" + one.account));
    const number = cell("td", "", "number");
    number.append(link(String(one.sequence), "/console/accounts/" + one.account + "/messages/" + one.sequence));
    made.append(cell("td", one.at, "when"), what, account, number, cell("td", one.how || "", "wide"));
    return made;
  };
  const say = (text) => {
    if (state.textContent !== text) state.textContent = text;
  };
  const tell = () => {
    const left = dropped > 0 ? ", " + dropped + " left out because they came too fast" : "";
    if (paused) say("Paused. " + held.length + " held" + left + ".");
    else say("Connected. " + shown + " shown" + left + ".");
  };
  const show = (list) => {
    shown += list.length;
    happenings.prepend(...list.map(row).reverse());
    while (happenings.rows.length > ROWS) happenings.deleteRow(-1);
  };

  const source = new EventSource(happenings.dataset.source);
  source.addEventListener("begun", tell);
  source.addEventListener("still", tell);
  source.addEventListener("happened", (event) => {
    const batch = JSON.parse(event.data);
    dropped += batch.dropped;
    if (paused) {
      held.push(...batch.happenings);
      dropped += Math.max(0, held.length - HELD);
      held = held.slice(-HELD);
    } else {
      show(batch.happenings);
    }
    tell();
  });
  source.addEventListener("ended", () => {
    source.close();
    say("Ended: your session is over.");
    sayEnded("Your session has ended.");
  });
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) say("Not connected. As many live pages may be open as can be, or your session is over: load the page again.");
    else say("Not connected; trying again…");
  });

  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Go on" : "Pause";
    if (!paused) {
      show(held);
      held = [];
    }
    tell();
  });
  addEventListener("pagehide", () => source.close());
}
