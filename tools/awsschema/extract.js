// Writes the schema of the AWS provider as JSON to the file that it is given:
// every resource, data source, argument and block, as @cdktf/provider-aws names
// them. That package is generated from the provider's own schema, and the source
// maps of its JavaScript hold the generated TypeScript, where a comment before
// each member says whether it is computed, optional or required. test/awsdouble/schema
// reads it and says what the format is.
import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const library = join(import.meta.dirname, "node_modules/@cdktf/provider-aws/lib");

// The TypeScript that a generated file was compiled from.
function source(file) {
  const text = readFileSync(file, "utf8");
  const start = text.lastIndexOf("base64,");
  if (start < 0) throw new Error(`${file}: no source map`);
  return JSON.parse(Buffer.from(text.slice(start + "base64,".length), "base64")).sourcesContent[0];
}

function sources(folder) {
  const structs = join(folder, "index-structs");
  let others = [];
  try {
    others = readdirSync(structs).filter((name) => /^structs.*\.js$/.test(name));
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
  return [source(join(folder, "index.js")), ...others.map((name) => source(join(structs, name)))].join("\n");
}

// The classes of a file by name, and the functions that tell a list from a set.
function parse(text) {
  const classes = new Map();
  for (const part of text.split(/\n(?=export (?:class|interface|function) )/)) {
    const head = /^export class (\w+) extends ([\w.]+)/.exec(part);
    if (head) classes.set(head[1], { name: head[1], base: head[2], body: part });
  }
  const shapes = new Map(); // "argument:StorageClass" to list, set, map or struct
  for (const [, name, type, storage] of text.matchAll(
    /\n +(\w+): \{\n +value: [^]*?,\n +isBlock: \w+,\n +type: "(\w+)",\n +storageClassType: "(\w+)",/g,
  )) {
    shapes.set(`${name}:${storage}`, type);
  }
  return { classes, shapes };
}

const simple = {
  getStringAttribute: "string",
  getNumberAttribute: "number",
  getBooleanAttribute: "bool",
  getListAttribute: ["list", "string"],
  getNumberListAttribute: ["list", "number"],
  getStringMapAttribute: ["map", "string"],
  getNumberMapAttribute: ["map", "number"],
  getBooleanMapAttribute: ["map", "bool"],
  "cdktf.StringMap": ["map", "string"],
  "cdktf.NumberMap": ["map", "number"],
  "cdktf.BooleanMap": ["map", "bool"],
  "cdktf.StringMapList": ["list", ["map", "string"]],
};

// What has no getter of its own type; an argument of any type is left out, and
// the double brings its own blocks for those that matter (WAF's statements).
const interpolated = {
  any: undefined,
  stringListList: ["list", ["list", "string"]],
  stringMapList: ["list", ["map", "string"]],
  stringMapMap: ["map", ["map", "string"]],
};

const member = /\n  \/\/ (\w+) - computed: (\w+), optional: (\w+), required: (\w+)\n([^]*?)\n  \}/g;

// The block that a class of arguments stands for.
function block(file, owner) {
  const result = { attributes: {}, blocks: {} };
  for (const [, name, computed, optional, required, code] of owner.body.matchAll(member)) {
    const flags = (required === "true" ? "r" : "") + (optional === "true" ? "o" : "") + (computed === "true" ? "c" : "");
    const made = /new ([\w.]+)\(this, "\w+"/.exec(code);
    if (made && !simple[made[1]]) {
      struct(file, result, name, flags, made[1].replace(/^.*\./, ""), /, true\)/.test(code));
      continue;
    }
    if (code.includes("this.interpolationForAttribute(")) {
      const storage = Object.keys(interpolated).find((storage) => file.shapes.has(`${name}:${storage}`)) ?? "any";
      if (interpolated[storage]) result.attributes[name] = [interpolated[storage], flags];
      continue;
    }
    const key = made ? made[1] : /this\.(get\w+Attribute)\(/.exec(code)?.[1];
    let type = simple[key];
    if (!type) throw new Error(`${owner.name}.${name}: what type is ${code}?`);
    if (code.includes("cdktf.Fn.tolist(")) type = ["set", Array.isArray(type) ? type[1] : type];
    result.attributes[name] = [type, flags];
  }
  return result;
}

// A member that holds arguments of its own: a block, or an attribute of objects
// where the provider computes it.
function struct(file, result, name, flags, className, wrapsSet) {
  const one = className.endsWith("OutputReference");
  const items = one ? className : className.replace(/(List|Map)$/, "OutputReference");
  const type = className.replace(/OutputReference$/, "");
  const owner = file.classes.get(items);
  if (!owner) throw new Error(`${name}: no class ${items}`);
  const inner = block(file, owner);
  const shape = ["", "List", "Map"].map((end) => file.shapes.get(`${name}:${type}${end}`)).find(Boolean) ?? (one ? "struct" : wrapsSet ? "set" : "list");
  if (flags.includes("c")) {
    const object = objectType(inner);
    const nesting = shape === "struct" ? object : [wrapsSet ? "set" : shape === "map" ? "map" : "list", object];
    result.attributes[name] = [nesting, flags];
    return;
  }
  const nesting = shape === "struct" ? "single" : shape;
  const limits = {};
  if (flags.includes("r") && nesting !== "map") limits.min = 1;
  if (one && (nesting === "list" || nesting === "set")) limits.max = 1;
  result.blocks[name] = { nesting, ...limits, ...inner };
}

function objectType({ attributes, blocks }) {
  const fields = {};
  for (const [name, [type]] of Object.entries(attributes)) fields[name] = type;
  for (const [name, inner] of Object.entries(blocks)) {
    const object = objectType(inner);
    fields[name] = inner.nesting === "single" ? object : [inner.nesting, object];
  }
  return ["object", fields];
}

// The provider's own arguments have no getters that tell their types; its
// configuration's interface does.
function provider(text) {
  const types = { string: "string", number: "number", "string[]": ["list", "string"], "boolean | cdktf.IResolvable": "bool" };
  const interfaces = new Map();
  for (const [, name, body] of text.matchAll(/\nexport interface (\w+)[^{]*\{\n([^]*?)\n\}/g)) interfaces.set(name, body);
  const read = (name) => {
    const result = { attributes: {}, blocks: {} };
    for (const [, argument, , type] of interfaces.get(name).matchAll(/#(\w+)\}[^]*?readonly (\w+)\?: ([^;]*(?:\{[^}]*\})?);/g)) {
      if (argument === "alias") continue;
      const clean = type.replace(/\s+/g, " ").trim();
      const of = /^(\w+)(\[\])?(?: \| cdktf\.IResolvable)?$/.exec(clean);
      if (types[clean]) result.attributes[argument] = [types[clean], "o"];
      else if (clean.startsWith("{")) result.attributes[argument] = [["map", "string"], "o"];
      else if (of && interfaces.has(of[1])) result.blocks[argument] = { nesting: argument === "endpoints" ? "set" : "list", ...read(of[1]) };
      else throw new Error(`provider ${argument}: what type is ${clean}?`);
    }
    return result;
  };
  return read("AwsProviderConfig");
}

const schema = { version: "", provider: {}, resources: {}, data: {} };
for (const folder of readdirSync(library, { withFileTypes: true })) {
  if (!folder.isDirectory()) continue;
  const text = sources(join(library, folder.name));
  if (folder.name === "provider") {
    schema.version = /\/aws\/([\d.]+)\/docs/.exec(text)[1];
    schema.provider = provider(text);
    continue;
  }
  const file = parse(text);
  for (const owner of file.classes.values()) {
    if (owner.base !== "cdktf.TerraformResource" && owner.base !== "cdktf.TerraformDataSource") continue;
    const type = /tfResourceType = "(\w+)"/.exec(owner.body)[1];
    schema[owner.base === "cdktf.TerraformResource" ? "resources" : "data"][type] = block(file, owner);
  }
}

const target = process.argv[2];
mkdirSync(dirname(target), { recursive: true });
writeFileSync(`${target}.new`, JSON.stringify(schema));
renameSync(`${target}.new`, target);
