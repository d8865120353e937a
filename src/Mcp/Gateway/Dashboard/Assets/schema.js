// JSON Schema, as far as a form has use for it: references and alternatives are resolved into one plain description of a field.

const DepthMax = 8;

/** A schema with its reference followed, its allOf merged, and its null told apart (`nullable`). */
export function resolve(schema, root) {
  let result = follow(schema, root);
  if (Array.isArray(result.allOf)) result = mergeAll(result, root);
  if (Array.isArray(result.type)) {
    const types = result.type.filter((type) => type !== "null");
    const type = types.length === 0 ? "null" : types.length === 1 ? types[0] : undefined;
    result = { ...result, type, nullable: types.length < result.type.length };
  }
  const choices = result.anyOf ?? result.oneOf;
  if (!Array.isArray(choices)) return result;
  const others = choices.filter((choice) => choice?.type !== "null");
  const { anyOf: _, oneOf: __, ...own } = result;
  const nullable = own.nullable || others.length < choices.length;
  if (others.length === 1) return { ...resolve(others[0], root), ...own, nullable };
  const constants = others.map((choice) => choice?.const);
  if (constants.every((constant) => constant !== undefined)) {
    return { ...own, nullable, enum: constants, titles: others.map((choice) => choice.title) };
  }
  return { ...own, nullable, choices: others };
}

function follow(schema, root) {
  let result = schema, steps = 0;
  while (result && typeof result === "object" && typeof result.$ref === "string") {
    const { $ref, ...own } = result;
    const target = $ref === "#" ? root : find($ref, root);
    if (target === undefined || ++steps > DepthMax) return own;
    result = typeof target === "object" ? { ...target, ...own } : own;
  }
  return result && typeof result === "object" && !Array.isArray(result) ? result : {};
}

function find(reference, root) {
  if (!reference.startsWith("#/")) return undefined;
  let place = root;
  for (const step of reference.slice(2).split("/")) {
    const name = decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~");
    if (place === null || typeof place !== "object" || !Object.hasOwn(place, name)) return undefined;
    place = place[name];
  }
  return place;
}

function mergeAll(schema, root) {
  const { allOf, ...own } = schema;
  let result = own;
  for (const part of allOf) {
    const other = resolve(part, root);
    result = {
      ...other, ...result,
      properties: other.properties || result.properties ? { ...other.properties, ...result.properties } : undefined,
      required: [...(other.required ?? []), ...(result.required ?? [])],
    };
  }
  return result;
}

/** What kind of field shows a resolved schema. `json` is for all that has no other. */
export function kindOf(schema, depth) {
  if (schema.const !== undefined) return "const";
  if (Array.isArray(schema.enum)) return "enum";
  if (depth > DepthMax) return "json";
  if (Array.isArray(schema.choices)) return "choice";
  const type = schema.type ?? (schema.properties ? "object" : schema.items ? "array" : undefined);
  switch (type) {
    case "string": case "boolean": case "number": case "integer": return type;
    case "array": return Array.isArray(schema.prefixItems) || Array.isArray(schema.items) ? "json" : "array";
    case "object": return hasMembers(schema) ? "object" : schema.additionalProperties === false ? "object" : "map";
    default: return "json";
  }
}

const hasMembers = (schema) => schema.properties && Object.keys(schema.properties).length > 0;

/** A short name of a type, for labels: text, whole number, list of text... */
export function typeName(schema, root, depth = 0) {
  const resolved = resolve(schema, root);
  switch (kindOf(resolved, depth)) {
    case "const": case "enum": return "choice";
    case "choice": return "one of several";
    case "string": return resolved.format ?? "text";
    case "integer": return "whole number";
    case "boolean": return "yes or no";
    case "array": return `list of ${typeName(resolved.items ?? {}, root, depth + 1)}`;
    case "map": return "entries";
    case "json": return "JSON";
    default: return resolved.type ?? "object";
  }
}
