"use strict";

// Pages are whole without this file. With it they show what is new, and their times go on, without a reload.

const UNITS = [
    ["d", 86400],
    ["h", 3600],
    ["min", 60],
    ["s", 1],
];
let chainTime = Number(document.body.dataset.now);
let seenAt = Date.now();
let stream = null;
let newest = null;
let fetching = false;
let isBehind = false;
let tag = null;

function relative(seconds) {
    if (seconds === 0) return "now";
    const size = Math.abs(seconds);
    const [unit, length] = UNITS.find(([, each]) => size >= each);
    const count = Math.floor(size / length);
    return seconds < 0 ? `${count} ${unit} ago` : `in ${count} ${unit}`;
}

function tick() {
    const now = chainTime + Math.floor((Date.now() - seenAt) / 1000);
    for (const each of document.querySelectorAll("time[data-time]")) {
        const text = relative(Number(each.dataset.time) - now);
        if (each.textContent !== text) each.textContent = text;
    }
}

// Whether somebody uses what a new page would take away: a link with the focus, what is opened or selected.
function isInUse(main) {
    const focused = document.activeElement;
    const holds = main.contains(focused) && focused !== main && !focused.matches(".wide");
    const selection = getSelection();
    const selects = !selection.isCollapsed && selection.containsNode(main, true);
    return holds || selects || main.querySelector("details[open]") !== null;
}

// Tables keep how far they are scrolled, and the focus.
function replace(main, fresh) {
    const regions = () => [...main.querySelectorAll(".wide")];
    const focused = main.contains(document.activeElement) && document.activeElement.ariaLabel;
    const scrolled = new Map(regions().map((each) => [each.ariaLabel, each.scrollLeft]));
    main.replaceChildren(...fresh.childNodes);
    for (const each of regions()) {
        each.scrollLeft = scrolled.get(each.ariaLabel) ?? 0;
        if (focused && each.ariaLabel === focused) each.focus({ preventScroll: true });
    }
}

async function refresh() {
    if (document.hidden) return;
    if (fetching) {
        // What is new by now may not be in the answer.
        isBehind = true;
        return;
    }
    fetching = true;
    isBehind = false;
    try {
        const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
        // What a reorganisation took back is not there any more, and the answer says so.
        if (!answer.ok && answer.status !== 404) return;
        // A page of files has a tag, which is another one when there is something new.
        const fresher = answer.headers.get("ETag");
        if (fresher !== null && fresher === tag) return;
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        const main = document.querySelector("main");
        if (isInUse(main)) return;
        replace(main, fresh.querySelector("main"));
        document.title = fresh.title;
        tag = fresher;
        chainTime = Number(fresh.body.dataset.now);
        seenAt = Date.now();
        tick();
    } catch (error) {
        // Nobody answers, which the stream says too.
        if (!(error instanceof TypeError)) throw error;
    } finally {
        fetching = false;
        if (isBehind) refresh();
    }
}

function listen() {
    const away = document.getElementById("away");
    stream = new EventSource("/stream");
    stream.addEventListener("error", () => (away.hidden = false));
    stream.addEventListener("open", () => (away.hidden = true));
    stream.addEventListener("head", (event) => {
        if (newest !== null && newest !== event.data) refresh();
        newest = event.data;
    });
}

// Browsers open six connections to a server, for all tabs together: a page that is not seen leaves its own to others.
function attend() {
    if (document.hidden) {
        stream?.close();
        stream = null;
    } else if (stream === null) {
        listen();
        refresh();
    }
}

if (!document.hidden) listen();
document.addEventListener("visibilitychange", attend);
// What the stream does not tell of is asked for every so many seconds.
const every = document.querySelector("main [data-every]");
if (every) setInterval(() => fetching || refresh(), 1000 * Number(every.dataset.every));
setInterval(tick, 1000);
