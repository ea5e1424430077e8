// The request that every client makes. RATE chooses constant arrivals, else VUS users go as fast as they can.
import http from 'k6/http';

const duration = `${__ENV.SECONDS}s`;
const open = {
  executor: 'constant-arrival-rate', rate: Number(__ENV.RATE || 1), timeUnit: '1s', duration,
  preAllocatedVUs: 200, maxVUs: 4000,
};
const counted = {
  executor: 'shared-iterations', vus: Number(__ENV.VUS || 1), iterations: Number(__ENV.REQUESTS || 1), maxDuration: '60s',
};
const closed = { executor: 'constant-vus', vus: Number(__ENV.VUS || 1), duration };

export const options = {
  scenarios: { load: __ENV.RATE ? open : __ENV.REQUESTS ? counted : closed },
  summaryTrendStats: ['med', 'p(90)', 'p(99)'],
  noConnectionReuse: __ENV.NEW === 'yes',
  insecureSkipTLSVerify: true,
};

export default function () {
  http.get(__ENV.URL);
}
