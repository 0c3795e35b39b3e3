// The load steady, as `pocctl verify --slo --profile steady` sends it. Made by
// `make generate`: change the scenario, not this file.
//
//   k6 run -e URL=http://127.0.0.1:8080/api/v1 -e TOKEN="$(pocctl token)" test/perf/k6/steady.js
//
// k6's http_req_duration counts from when a request left, pocctl's latency from when it
// was due: compare it with pocctl's service time. What k6 could not send in time are its
// dropped_iterations. Products that a virtual user made and has not removed when k6 ends
// stay; their SKUs begin with load-.
import http from 'k6/http';
import exec from 'k6/execution';
import { Rate } from 'k6/metrics';

const url = (__ENV.URL || 'http://127.0.0.1:8080/api/v1').replace(/\/$/, '');
const authorization = __ENV.TOKEN ? { Authorization: 'Bearer ' + __ENV.TOKEN } : {};

const answeredWell = new Rate('answered_well');
const available = new Rate('available');
const cacheHit = new Rate('cache_hit');

export const options = {
  discardResponseBodies: false,
  scenarios: {
    "1_warm_up": {
      executor: 'ramping-arrival-rate',
      startTime: "0s",
      startRate: 0,
      timeUnit: '1s',
      stages: [{ target: 300, duration: "5s" }],
      preAllocatedVUs: 60,
      maxVUs: 1500,
      gracefulStop: '5s',
      exec: 'operate',
      tags: { measured: 'no' },
    },
    "2_steady": {
      executor: 'constant-arrival-rate',
      startTime: "5s",
      rate: 300,
      timeUnit: '1s',
      duration: "1m0s",
      preAllocatedVUs: 60,
      maxVUs: 1500,
      gracefulStop: '5s',
      exec: 'operate',
      tags: { measured: 'yes' },
    },
  },
  thresholds: {
    "dropped_iterations": ["count==0"],
    "http_req_duration{measured:yes}": ["p(95)<300"],
    "answered_well{measured:yes}": ["rate>0.99"],
    "available{measured:yes}": ["rate>=0.999"],
    "cache_hit{measured:yes}": ["rate>0.85"],
  },
};

// How values are written where they stand.
const as = {
  path: (value) => encodeURIComponent(value),
  body: (value) => JSON.stringify(String(value)).slice(1, -1),
  header: (value) => String(value),
};

const operations = [
  {
    name: "read", weight: 70, method: "GET", cached: true, makes: false, uses: false,
    path: (values) => "/products/" + as.path(values.target),
    body: (values) => null,
    headers: (values) => ({}),
    expected: http.expectedStatuses({ min: 200, max: 299 }),
    well: (status) => status >= 200 && status <= 299,
  },
  {
    name: "search", weight: 15, method: "GET", cached: false, makes: false, uses: false,
    path: (values) => "/products/search?q=" + as.path(values.term) + "&limit=10",
    body: (values) => null,
    headers: (values) => ({}),
    expected: http.expectedStatuses({ min: 200, max: 299 }),
    well: (status) => status >= 200 && status <= 299,
  },
  {
    name: "update", weight: 4, method: "PUT", cached: false, makes: false, uses: false,
    path: (values) => "/products/" + as.path(values.target),
    body: (values) => "{\"sku\":\"load-" + as.body(values.run) + "-" + as.body(values.number) + "\",\"name\":\"Load test " + as.body(values.term) + " " + as.body(values.number) + "\",\"description\":\"Made by a load test, and removed after it\",\"price_minor\":1999,\"currency\":\"EUR\",\"stock\":1000000}",
    headers: (values) => ({}),
    expected: http.expectedStatuses({ min: 200, max: 299 }),
    well: (status) => status >= 200 && status <= 299,
  },
  {
    name: "create", weight: 3, method: "POST", cached: false, makes: true, uses: false,
    path: (values) => "/products",
    body: (values) => "{\"sku\":\"load-" + as.body(values.run) + "-" + as.body(values.number) + "\",\"name\":\"Load test " + as.body(values.term) + " " + as.body(values.number) + "\",\"description\":\"Made by a load test, and removed after it\",\"price_minor\":1999,\"currency\":\"EUR\",\"stock\":1000000}",
    headers: (values) => ({}),
    expected: http.expectedStatuses({ min: 200, max: 299 }),
    well: (status) => status >= 200 && status <= 299,
  },
  {
    name: "delete", weight: 3, method: "DELETE", cached: false, makes: false, uses: true,
    path: (values) => "/products/" + as.path(values.made),
    body: (values) => null,
    headers: (values) => ({}),
    expected: http.expectedStatuses({ min: 200, max: 299 }),
    well: (status) => status >= 200 && status <= 299,
  },
  {
    name: "order", weight: 5, method: "POST", cached: false, makes: false, uses: false,
    path: (values) => "/orders",
    body: (values) => "{\"lines\":[{\"product_id\":\"" + as.body(values.target) + "\",\"quantity\":1}]}",
    headers: (values) => ({ "Idempotency-Key": as.header(values.run) + "-" + as.header(values.number) }),
    expected: http.expectedStatuses({ min: 200, max: 299 }),
    well: (status) => status >= 200 && status <= 299,
  },
];
const weights = 100;

const termValues = ["anchor","barrel","candle","drawer","easel","funnel","garnet","hammer","inkwell","jigsaw","kettle","lantern","mallet","needle","oilcan","pulley","quiver","ratchet","spindle","trowel"];

function variables(number) {
  return {
    term: termValues[Math.floor(Math.random() * termValues.length)],
  };
}

// favourites are the shares of a Zipf distribution, summed up.
function favourites(count) {
  const sums = [];
  for (let i = 0, sum = 0; i < count; i++) {
    sum += Math.pow(1 + i, -1.1);
    sums.push(sum);
  }
  return sums;
}
const sums = favourites(100);

function favourite(targets) {
  const draw = Math.random() * sums[sums.length - 1];
  let low = 0;
  let high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle] > draw) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return targets[low];
}

function request(operation, values) {
  const body = operation.body(values);
  const headers = Object.assign({}, authorization, body === null ? {} : { 'Content-Type': 'application/json' }, operation.headers(values));
  return http.request(operation.method, url + operation.path(values), body, {
    headers, timeout: '5s', responseCallback: operation.expected, tags: { name: operation.name },
  });
}

const create = {
  name: 'prepare', method: "POST",
  path: (values) => "/products",
  body: (values) => "{\"sku\":\"load-" + as.body(values.run) + "-" + as.body(values.number) + "\",\"name\":\"Load test " + as.body(values.term) + " " + as.body(values.number) + "\",\"description\":\"Made by a load test, and removed after it\",\"price_minor\":1999,\"currency\":\"EUR\",\"stock\":1000000}",
  headers: (values) => ({}),
  expected: http.expectedStatuses({ min: 200, max: 299 }),
};
const remove = {
  name: 'remove', method: "DELETE",
  path: (values) => "/products/" + as.path(values.target),
  body: (values) => null,
  headers: (values) => ({}),
  expected: http.expectedStatuses({ min: 200, max: 299 }),
};

export function setup() {
  const run = Date.now().toString(36);
  const targets = [];
  for (let i = 0; i < 100; i++) {
    const answer = request(create, Object.assign({ run, number: 't' + i }, variables(i)));
    if (answer.status < 200 || answer.status > 299) {
      throw new Error('prepare: ' + answer.status + ' ' + answer.body);
    }
    targets.push(answer.json('id'));
  }
  return { run, targets };
}

// What this virtual user made and has not removed.
const made = [];

export function operate(data) {
  const number = exec.scenario.iterationInTest;
  const values = Object.assign({ run: data.run, number: exec.scenario.name + '-' + number, target: favourite(data.targets) }, variables(number));
  let draw = Math.random() * weights;
  let operation = operations.find((one) => (draw -= one.weight) < 0) || operations[0];
  if (operation.uses && made.length === 0) {
    operation = operations[0]; // nothing made is left: the first operation stands in
  }
  if (operation.uses) {
    values.made = made.pop();
  }
  const answer = request(operation, values);
  const well = operation.well(answer.status);
  answeredWell.add(well);
  available.add(answer.status > 0 && answer.status < 500);
  if (operation.cached && well) {
    cacheHit.add(answer.headers['X-Cache'] === 'hit');
  }
  if (operation.makes && well) {
    made.push(answer.json('id'));
  } else if (operation.uses && !well) {
    made.push(values.made);
  }
}

export function teardown(data) {
  for (const target of data.targets) {
    request(remove, { run: data.run, target });
  }
}
