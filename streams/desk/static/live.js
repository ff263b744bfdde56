// Warnings as they ring: server-sent events name the warnings that changed, the server draws the
// rows. The browser comes back by itself with the last event's id, so none is missed.
const list = document.querySelector("[data-live]");
const body = list.querySelector("tbody");
const lamp = document.querySelector(".live");
const waiting = new Map();
let timer = 0;

function stand(word) {
  lamp.classList.toggle("on", word === "on");
  lamp.classList.toggle("lost", word === "lost");
  lamp.querySelector("span").textContent = lamp.dataset[word];
}

function place(fresh) {
  const known = document.getElementById(fresh.id);
  if (known) {
    if (known.contains(document.activeElement)) fresh.dataset.keep = "yes";
    known.replaceWith(fresh);
    if (fresh.dataset.keep) fresh.querySelector("a, button")?.focus();
  } else body.prepend(fresh);
  fresh.classList.add("new");
}

async function draw() {
  timer = 0;
  const ids = [...waiting.keys()].slice(0, 50);
  const position = Math.max(...waiting.values());
  for (const id of ids) waiting.delete(id);
  const asked = new URLSearchParams(location.search);
  asked.delete("after");
  asked.set("ids", ids.join(","));
  asked.set("position", position);
  const answer = await fetch(`${list.dataset.rows}?${asked}`, { headers: { Accept: "text/html" } });
  if (!answer.ok) return stand("lost");
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const drawn = [...page.querySelectorAll("tbody tr")];
  const there = new Set(drawn.map((row) => row.id));
  for (const id of ids) if (!there.has(`w-${id}`)) document.getElementById(`w-${id}`)?.remove();
  for (const row of drawn.reverse()) place(document.adoptNode(row));
  document.querySelector("[data-none]")?.toggleAttribute("hidden", body.children.length > 0);
  list.dispatchEvent(new CustomEvent("drawn", { detail: drawn.length }));
  if (waiting.size) later();
}

function later() {
  timer ||= setTimeout(draw, 250 + Math.random() * 500);
}

const source = new EventSource(`${list.dataset.live}?after=${list.dataset.position}`);
source.addEventListener("open", () => stand("on"));
source.addEventListener("error", () => stand("lost"));
source.addEventListener("warning", (event) => {
  waiting.set(event.data, Number(event.lastEventId));
  later();
});
addEventListener("pagehide", () => source.close());
