// What a careful user writes into a function node: batches by hand, one statement a batch, two of them under way, and
// a batch that fails is tried again. MQTT-in acknowledges a message when it arrives, before any of this.
const ROWS_MAX = 1000;
const WAIT_MS = 50;
const STATEMENTS_MAX = 2;
const INSERT =
  "insert into peer_reading (sensor, time, value)" +
  " select * from unnest($1::text[], $2::timestamptz[], $3::double precision[]) on conflict do nothing";

const pool = new (global.get("pg").Pool)({ connectionString: env.get("PEER_DATABASE"), max: STATEMENTS_MAX });
let waiting = [];
let timer = null;
let underWay = 0;

function arrange() {
  while (underWay < STATEMENTS_MAX && waiting.length >= ROWS_MAX) insert(waiting.splice(0, ROWS_MAX));
  if (waiting.length > 0 && timer === null) {
    timer = setTimeout(() => {
      timer = null;
      if (underWay < STATEMENTS_MAX) insert(waiting.splice(0, ROWS_MAX));
    }, WAIT_MS);
  }
}

async function insert(rows) {
  underWay += 1;
  const sensors = [];
  const times = [];
  const values = [];
  for (const [topic, payload] of rows) {
    try {
      const reading = JSON.parse(payload);
      if (!Number.isFinite(reading.value) || !Number.isFinite(Date.parse(reading.time))) throw new Error("no reading");
      sensors.push(topic.split("/")[3]);
      times.push(reading.time);
      values.push(reading.value);
    } catch (error) {
      node.warn(`${topic}: ${error.message}`);
    }
  }
  try {
    await pool.query({ name: "insert", text: INSERT, values: [sensors, times, values] });
  } catch (error) {
    node.error(error.message);
    waiting = rows.concat(waiting);
    await new Promise((resume) => setTimeout(resume, 200));
  }
  underWay -= 1;
  arrange();
}

context.set("take", (topic, payload) => {
  waiting.push([topic, payload]);
  if (waiting.length >= ROWS_MAX || timer === null) arrange();
});
context.set("end", async () => {
  while (waiting.length > 0) await insert(waiting.splice(0, ROWS_MAX));
  await pool.end();
});
