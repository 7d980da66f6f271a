"use strict";

// One connection brings everything: pictures of the streams that are shown, and facts of the whole run.
// A message is its length (4 bytes, big endian), a letter and a body: "P" stream number (2 bytes) and JPEG, "F" JSON.

const at = (id) => document.getElementById(id);
const cards = [];
const most = 100; // events that are kept on the page
let chosen = null; // the stream that is shown alone
let paused = false;
let over = false;
let connection = null;
let again = 0;

function say(state, words) {
  if (at("state").textContent !== words) at("state").textContent = words;
  at("state").dataset.state = state;
}

function clock(seconds) {
  if (seconds === null || seconds === undefined) return "";
  const s = Math.max(0, seconds);
  const two = (n) => String(Math.floor(n)).padStart(2, "0");
  const hours = Math.floor(s / 3600);
  return (hours ? hours + ":" : "") + two((s / 60) % 60) + ":" + two(s % 60);
}

function put(node, words) {
  if (node.textContent !== words) node.textContent = words;
}

function card(number) {
  if (cards[number]) return cards[number];
  const figure = at("stream").content.firstElementChild.cloneNode(true);
  const find = (name) => figure.querySelector(name);
  const made = { figure, button: find("button"), canvas: find("canvas"), veil: find(".veil"), name: find(".name"),
                 facts: find(".facts"), objects: find(".objects"), busy: false, drawn: false };
  made.button.addEventListener("click", () => choose(chosen === number ? null : number));
  cards[number] = made;
  at("streams").append(figure);
  arrange();
  return made;
}

function choose(number) {
  chosen = number;
  arrange();
  if (!over) connect();
  if (number !== null) cards[number].button.focus();
}

function arrange() {
  at("all").hidden = chosen === null;
  at("streams").classList.toggle("one", chosen !== null || cards.length === 1);
  cards.forEach((c, n) => { c.figure.hidden = chosen !== null && chosen !== n; });
}

async function draw(number, jpeg) {
  const c = card(number);
  if (c.busy || paused) return; // the next one comes soon
  c.busy = true;
  try {
    const picture = await createImageBitmap(new Blob([jpeg], { type: "image/jpeg" }));
    if (c.canvas.width !== picture.width || c.canvas.height !== picture.height) {
      c.canvas.width = picture.width;
      c.canvas.height = picture.height;
    }
    c.canvas.getContext("2d").drawImage(picture, 0, 0);
    picture.close();
    c.drawn = true;
  } catch (broken) {
    // a picture that cannot be decoded is left out
  } finally {
    c.busy = false;
  }
}

function tell(facts) {
  over = facts.ended;
  put(at("models"), facts.models.map((m) => m.name).join(", "));
  facts.streams.forEach((s, number) => {
    const c = card(number);
    const words = [s.fps ? s.fps.toFixed(1) + " frames/s" : "", clock(s.at), s.frames + " frames"];
    if (s.width) words.push(s.width + "\u00a0×\u00a0" + s.height);
    put(c.name, s.id);
    put(c.facts, words.filter(Boolean).join(" · "));
    put(c.objects, Object.entries(s.objects).map(([label, n]) => n + " " + label).join(", "));
    const ended = s.ended || over ? "ended" : "";
    put(c.veil, ended || (c.drawn ? "" : "waiting for a picture"));
    c.veil.classList.toggle("aside", c.drawn);
    c.button.setAttribute("aria-label", s.id + (chosen === number ? ": show all streams" : ": show this stream alone"));
    if (!c.drawn && s.width) { c.canvas.width = 16; c.canvas.height = Math.max(1, Math.round(16 * s.height / s.width)); }
  });
  count(facts.streams);
  facts.events.forEach(note);
  at("pause").hidden = over;
  if (over) say("over", "The run has ended");
  else if (!paused) say("live", "Live");
}

function count(streams) {
  const rows = [];
  for (const s of streams)
    for (const [rule, ways] of Object.entries(s.counts))
      for (const [way, labels] of Object.entries(ways)) {
        const found = Object.entries(labels);
        for (const [label, n] of found.length ? found : [["", 0]]) rows.push([s.id, rule, way, label, n]);
      }
  at("counted").hidden = !rows.length;
  const words = JSON.stringify(rows);
  if (at("counts").dataset.words === words) return;
  at("counts").dataset.words = words;
  at("counts").replaceChildren(...rows.map((row) => {
    const line = document.createElement("tr");
    row.forEach((value) => { line.insertCell().textContent = value; });
    return line;
  }));
}

function note(event) {
  if (Number(at("events").dataset.last || 0) >= event.number) return;
  at("events").dataset.last = event.number;
  at("quiet").hidden = true;
  const line = document.createElement("li");
  const when = document.createElement("time");
  const what = document.createElement("span");
  const where = document.createElement("small");
  when.textContent = clock(event.at);
  what.textContent = [event.kind.replace(".", " "), event.rule].join(": ");
  where.textContent = [event.label, event.track === null ? "" : "#" + event.track, event.stream].filter(Boolean).join(" ");
  line.append(when, what, where);
  at("events").prepend(line);
  while (at("events").childElementCount > most) at("events").lastElementChild.remove();
}

async function connect() {
  clearTimeout(again);
  if (connection) connection.abort();
  connection = null;
  if (over || paused || document.hidden) return;
  const mine = connection = new AbortController();
  try {
    const answer = await fetch("live" + (chosen === null ? "" : "?streams=" + chosen), { signal: mine.signal });
    if (!answer.ok) {
      over = true;
      return say("lost", answer.status === 401 ? "Not allowed: open the address that the run printed" : "Refused");
    }
    await read(answer.body.getReader());
  } catch (gone) {
    if (mine.signal.aborted) return;
  }
  if (over || mine !== connection) return;
  say("lost", "The connection is gone; trying again");
  again = setTimeout(connect, 2000);
}

async function read(reader) {
  let kept = new Uint8Array(0);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const all = new Uint8Array(kept.length + value.length);
    all.set(kept);
    all.set(value, kept.length);
    const view = new DataView(all.buffer);
    let place = 0;
    while (all.length - place >= 4) {
      const length = view.getUint32(place);
      if (all.length - place - 4 < length) break;
      take(view, place + 4, length);
      place += 4 + length;
    }
    kept = all.slice(place);
  }
}

function take(view, place, length) {
  const letter = String.fromCharCode(view.getUint8(place));
  const bytes = new Uint8Array(view.buffer, place + 1, length - 1);
  if (letter === "P") draw(view.getUint16(place + 1), bytes.slice(2));
  else if (letter === "F") tell(JSON.parse(new TextDecoder().decode(bytes)));
}

function pause(on) {
  paused = on;
  at("pause").setAttribute("aria-pressed", String(on));
  if (on && !over) say("waiting", "Paused");
  if (!over) connect();
}

at("all").addEventListener("click", () => choose(null));
at("pause").addEventListener("click", () => pause(!paused));
document.addEventListener("visibilitychange", connect);
document.addEventListener("keydown", (key) => {
  if (key.ctrlKey || key.altKey || key.metaKey) return;
  if (key.key === "Escape" && chosen !== null) choose(null);
  else if (key.key === "p") pause(!paused);
  else if (/^[1-9]$/.test(key.key) && cards[Number(key.key) - 1]) choose(Number(key.key) - 1);
});
connect();
