// Draws /openapi.json as a page a person can read and try, with nothing fetched from elsewhere.
// Text goes in as text nodes only: nothing in the document or an answer can become markup.
"use strict";

const WORDS = {
  en: {
    language: "中文", filter: "filter", parameters: "Parameters", body: "Body", answers: "Answers",
    try: "Try it", send: "Send", listen: "Listen", stop: "Stop", example: "Example",
    problems: "Problems", schemas: "Schemas", name: "Name", meaning: "Meaning", status: "Status",
    wayOut: "Way out", failed: "The document could not be read.", required: "required",
    contentType: "Content type", cut: "… cut here",
  },
  zh: {
    language: "English", filter: "筛选", parameters: "参数", body: "请求体", answers: "响应",
    try: "试用", send: "发送", listen: "收听", stop: "停止", example: "示例",
    problems: "错误目录", schemas: "数据结构", name: "名称", meaning: "含义", status: "状态码",
    wayOut: "解决办法", failed: "无法读取接口文档。", required: "必填",
    contentType: "内容类型", cut: "… 其余省略",
  },
};
const SHOWN = 200000;
let language = navigator.language.startsWith("zh") ? "zh" : "en";
let api = null;

const word = (key) => WORDS[language][key];

function h(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

// Paragraphs, and `code` between backticks: all that our descriptions use.
function prose(text) {
  return (text || "").split(/\n\s*\n/).filter(Boolean).map((paragraph) =>
    h("p", {}, paragraph.split("`").map((part, n) => (n % 2 ? h("code", {}, part) : part))));
}

function resolve(schema) {
  let at = schema || {};
  while (at.$ref) at = at.$ref.slice(2).split("/").reduce((node, key) => node[key], api);
  return at;
}

function typeName(schema) {
  if (!schema) return "any";
  if (schema.$ref) return schema.$ref.split("/").pop();
  const options = schema.anyOf || schema.oneOf;
  if (options) return options.map(typeName).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.type === "array") return `[${typeName(schema.items)}]`;
  return schema.format ? `${schema.type} (${schema.format})` : schema.type || "any";
}

function limits(schema) {
  const names = { minimum: "≥", maximum: "≤", exclusiveMinimum: ">", pattern: "~", default: "=" };
  return Object.entries(names).filter(([key]) => ![undefined, null, ""].includes(schema[key]))
    .map(([key, sign]) => `${sign} ${typeof schema[key] === "string" ? schema[key] : JSON.stringify(schema[key])}`)
    .join("  ");
}

function fieldRow(name, schema, required) {
  const inner = resolve(schema.$ref ? schema : schema.items || schema);
  const nested = schema.$ref || (schema.items && schema.items.$ref);
  return h("tr", {},
    h("td", {}, h("span", { class: required ? "mono required" : "mono" }, name)),
    h("td", {}, nested ? h("a", { href: `#schema-${typeName(nested === schema.$ref ? schema : schema.items)}` }, typeName(schema)) : typeName(schema)),
    h("td", {}, prose(schema.description || inner.description),
      h("div", { class: "soft mono" }, limits(schema))));
}

function fields(schema) {
  const at = resolve(schema);
  const required = new Set(at.required || []);
  const rows = Object.entries(at.properties || {});
  if (rows.length === 0) return h("p", { class: "mono" }, typeName(at));
  return h("table", {}, h("tbody", {}, rows.map(([name, inner]) => fieldRow(name, inner, required.has(name)))));
}

function schemaView(schema) {
  const options = schema.oneOf || schema.anyOf || (schema.items && [schema.items]) || [schema];
  return options.map((option) => h("details", {}, h("summary", { class: "mono" },
    schema.items ? `[${typeName(option)}]` : typeName(option)), prose(resolve(option).description),
    option.oneOf || option.items || resolve(option).oneOf ? schemaView(resolve(option)) : fields(option)));
}

function parameterTable(parameters) {
  if (!parameters.length) return null;
  return h("div", {}, h("h4", {}, word("parameters")), h("table", {}, h("tbody", {},
    parameters.map((p) => h("tr", {},
      h("td", {}, h("span", { class: p.required ? "mono required" : "mono" }, p.name),
        h("div", { class: "soft" }, p.in)),
      h("td", {}, typeName(p.schema)),
      h("td", {}, prose(p.description), h("div", { class: "soft mono" }, limits(p.schema || {}))))))));
}

function answerTable(responses) {
  return h("div", {}, h("h4", {}, word("answers")), h("table", {}, h("tbody", {},
    Object.entries(responses).map(([status, answer]) => h("tr", {},
      h("td", { class: status >= "400" ? "bad mono" : "mono" }, status),
      h("td", {}, prose(answer.description),
        Object.entries(answer.content || {}).map(([type, content]) => h("div", {},
          h("span", { class: "soft mono" }, type), content.schema && (content.schema.$ref || content.schema.items)
            ? schemaView(content.schema) : null))))))));
}

function bodyView(requestBody) {
  if (!requestBody) return null;
  return h("div", {}, h("h4", {}, word("body")), prose(requestBody.description),
    Object.entries(requestBody.content).map(([type, content]) =>
      h("div", {}, h("span", { class: "soft mono" }, type), content.schema ? schemaView(content.schema) : null)));
}

function examplesOf(requestBody) {
  if (!requestBody) return [];
  return Object.entries(requestBody.content).flatMap(([type, content]) => content.examples
    ? Object.entries(content.examples).map(([name, example]) => ({ type, name, value: example.value }))
    : (resolve(content.schema).examples || [{}]).map((value) => ({ type, name: typeName(content.schema), value })));
}

const asText = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

function address(path, inputs) {
  const query = new URLSearchParams();
  let made = path;
  for (const { parameter, input } of inputs) {
    if (input.value === "") continue;
    if (parameter.in === "path") made = made.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (parameter.in === "query") query.append(parameter.name, input.value);
  }
  const tail = query.toString();
  return tail ? `${made}?${tail}` : made;
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function curlOf(method, url, type, body) {
  const parts = ["curl", "-sS", "-X", method.toUpperCase(), quoted(location.origin + url)];
  if (body !== null) parts.push("-H", quoted(`Content-Type: ${type}`), "--data-binary", quoted(body));
  return parts.join(" ");
}

async function sendTo(method, url, type, body, output) {
  const started = performance.now();
  try {
    const answer = await fetch(url, {
      method: method.toUpperCase(), body: body === null ? undefined : body,
      headers: body === null ? {} : { "Content-Type": type },
    });
    let text = await answer.text();
    try { text = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: shown as it is */ }
    const took = (performance.now() - started).toFixed(0);
    if (text.length > SHOWN) text = `${text.slice(0, SHOWN)}\n${word("cut")}`;
    output.textContent = `${answer.status} ${answer.statusText} · ${took} ms · ${answer.headers.get("content-type")}\n\n${text}`;
  } catch (error) {
    output.textContent = String(error);
  }
}

function listenTo(url, output, button) {
  const source = new EventSource(url);
  const show = (event) => {
    output.textContent = `${event.lastEventId} ${event.type} ${event.data}\n${output.textContent}`.slice(0, SHOWN);
  };
  for (const name of api["x-stream-events"] || []) source.addEventListener(name, show);
  source.onopen = () => { output.textContent = `… ${url}\n`; };
  button.textContent = word("stop");
  return () => { source.close(); button.textContent = word("listen"); };
}

function tryView(method, path, operation, parameters) {
  const inputs = parameters.filter((p) => p.in !== "header").map((parameter) => ({
    parameter, input: h("input", { "aria-label": parameter.name, value: asText(parameter.example ?? "") }),
  }));
  const examples = examplesOf(operation.requestBody);
  const area = examples.length ? h("textarea", { spellcheck: "false", "aria-label": word("body") }, asText(examples[0].value)) : null;
  const choose = examples.length ? h("select", { "aria-label": word("example"), onchange: () => { area.value = asText(examples[choose.value].value); } },
    examples.map((example, n) => h("option", { value: n }, `${example.name} · ${example.type}`))) : null;
  const output = h("pre", { hidden: true, tabindex: "0" });
  const streams = Object.keys(resolve(operation.responses["200"] || {}).content || {}).includes("text/event-stream");
  let stop = null;
  const send = h("button", { class: "send", type: "button", onclick: () => {
    const url = address(path, inputs);
    const type = choose ? examples[choose.value].type : null;
    const body = area ? area.value : null;
    output.hidden = false;
    output.textContent = `$ ${curlOf(method, url, type, body)}\n\n…`;
    if (!streams) sendTo(method, url, type, body, output);
    else if (stop) { stop(); stop = null; } else stop = listenTo(url, output, send);
  } }, streams ? word("listen") : word("send"));
  return h("details", {}, h("summary", {}, word("try")), h("div", { class: "try" },
    inputs.map(({ parameter, input }) => h("label", {}, h("span", { class: "mono" }, parameter.name), input)),
    choose, area, h("div", { class: "row" }, send), output));
}

function operationView(method, path, operation) {
  const parameters = (operation.parameters || []).map(resolve);
  return h("section", { class: "operation", id: operation.operationId },
    h("h3", {}, h("span", { class: `method ${method}` }, method.toUpperCase()), h("span", { class: "path" }, path)),
    h("p", { class: "summary" }, operation.summary || ""), prose(operation.description),
    parameterTable(parameters), bodyView(operation.requestBody),
    answerTable(operation.responses), tryView(method, path, operation, parameters));
}

function problemsView() {
  return h("section", { class: "plain", id: "problems" }, h("h3", {}, word("problems")),
    h("table", {}, h("thead", {}, h("tr", {}, ["name", "status", "meaning", "wayOut"].map((key) => h("th", {}, word(key))))),
      h("tbody", {}, (api["x-problems"] || []).map((problem) => h("tr", { id: `problem-${problem.code}` },
        h("td", { class: "mono" }, problem.code), h("td", {}, String(problem.status)),
        h("td", {}, problem.title), h("td", {}, problem.way_out))))));
}

function schemasView() {
  const all = Object.entries((api.components || {}).schemas || {});
  return h("section", { class: "plain", id: "schemas" }, h("h3", {}, word("schemas")),
    all.map(([name, schema]) => h("div", { id: `schema-${name}` }, h("h4", { class: "mono" }, name),
      prose(schema.description), schema.oneOf ? schemaView(schema) : fields(schema))));
}

function navView(groups) {
  const links = h("div", {});
  const draw = (wanted) => links.replaceChildren(...groups.flatMap(([tag, operations]) => {
    const shown = operations.filter((o) => `${o.method} ${o.path} ${o.operation.summary}`.toLowerCase().includes(wanted));
    return shown.length ? [h("h2", {}, tag), ...shown.map((o) => h("a", { href: `#${o.operation.operationId}` },
      h("span", { class: `method ${o.method}` }, o.method.toUpperCase()), o.path))] : [];
  }), h("h2", {}, "·"), h("a", { href: "#problems" }, word("problems")), h("a", { href: "#schemas" }, word("schemas")));
  draw("");
  const filter = h("input", { type: "search", placeholder: word("filter"), "aria-label": word("filter"), oninput: () => draw(filter.value.toLowerCase()) });
  return [filter, links];
}

function draw() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.getElementById("top").replaceChildren(
    h("h1", {}, api.info.title), h("span", { class: "soft" }, api.info.version), h("span", { class: "grow" }),
    h("a", { href: "openapi.json" }, "openapi.json"),
    h("button", { type: "button", id: "language", onclick: () => { language = language === "zh" ? "en" : "zh"; draw(); } }, word("language")));
  const groups = new Map();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = (operation.tags || ["api"])[0];
      groups.set(tag, [...(groups.get(tag) || []), { method, path, operation }]);
    }
  }
  document.getElementById("nav").replaceChildren(...navView([...groups]));
  document.getElementById("main").replaceChildren(...prose(api.info.description),
    ...[...groups.values()].flat().map((o) => operationView(o.method, o.path, o.operation)),
    problemsView(), schemasView());
  document.body.dataset.ready = "yes";
}

async function start() {
  try {
    const answer = await fetch("openapi.json");
    api = await answer.json();
    draw();
    if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView({ behavior: "instant" });
  } catch (error) {
    document.getElementById("main").replaceChildren(h("p", { class: "bad" }, `${word("failed")} ${error}`));
  }
}

start();
