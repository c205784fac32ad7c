// Lists /openapi.json: routes, parameters, problems and forms. Everything is set as text.
"use strict";

function element(tag, text, id) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (id) node.id = id;
  return node;
}

function typeOf(schema = {}) {
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" | ");
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.type === "array") return `${typeOf(schema.items)}[]`;
  return schema.format ?? schema.type ?? "any";
}

function linked(schema) {
  const name = typeOf(schema);
  const base = name.replace("[]", "");
  if (!schema?.$ref && !schema?.items?.$ref) return element("code", name);
  const link = element("a", name);
  link.href = `#form-${base}`;
  return link;
}

function table(rows) {
  const body = element("tbody");
  for (const [name, schema, text, required] of rows) {
    const row = element("tr");
    const type = element("td");
    type.append(linked(schema));
    row.append(element("td", name + (required ? " *" : "")), type, element("td", text ?? ""));
    body.append(row);
  }
  const whole = element("table");
  whole.append(body);
  return whole;
}

function route(path, method, operation) {
  const section = element("details");
  const summary = element("summary");
  summary.append(element("code", `${method.toUpperCase()} ${path}`), ` ${operation.summary ?? ""}`);
  section.append(summary, element("p", operation.description ?? ""));
  if (operation.deprecated) {
    const until = `Deprecated, gone on ${operation["x-sunset"]}: use ${operation["x-successor"]}`;
    section.append(element("p", until));
  }
  const own = (operation.parameters ?? []).filter((p) => p.name);  // the others are those of all routes
  const parameters = own.map((p) =>
    [`${p.name} (${p.in})`, p.schema, p.description ?? p.schema?.description, p.required]);
  const body = operation.requestBody?.content?.["application/json"]?.schema;
  if (body) parameters.push(["body", body, "", true]);
  if (parameters.length) section.append(table(parameters));
  const example = operation.requestBody?.content?.["application/json"]?.example;
  if (example) section.append(element("pre", JSON.stringify(example, null, 1)));
  for (const [status, answer] of Object.entries(operation.responses)) {
    const line = element("p", `${status} `);
    for (const [media, content] of Object.entries(answer.content ?? {})) line.append(`${media} `, linked(content.schema), " ");
    if (answer.$ref) line.append("application/problem+json");
    section.append(line);
  }
  return section;
}

async function show() {
  const document_ = await (await fetch("/openapi.json")).json();
  document.getElementById("description").textContent = `${document_.info.version}. ${document_.info.description}`;
  const routes = document.getElementById("routes");
  for (const [path, operations] of Object.entries(document_.paths)) {
    for (const [method, operation] of Object.entries(operations)) routes.append(route(path, method, operation));
  }
  const problems = document.getElementById("problems");
  for (const [kind, title] of Object.entries(document_["x-problems"])) {
    problems.append(element("dt", kind, kind), element("dd", title));
  }
  const forms = document.getElementById("forms");
  for (const [name, schema] of Object.entries(document_.components.schemas)) {
    const section = element("details", undefined, `form-${name}`);
    const required = new Set(schema.required ?? []);
    section.append(element("summary", name), element("p", schema.description ?? ""));
    section.append(table(Object.entries(schema.properties ?? {}).map(([field, s]) => [field, s, s.description, required.has(field)])));
    const example = (schema.examples ?? [])[0];
    if (example) section.append(element("pre", JSON.stringify(example, null, 1)));
    forms.append(section);
  }
  const named = document.getElementById(location.hash.slice(1));
  if (named) { if ("open" in named) named.open = true; named.scrollIntoView(); }
}

show();
