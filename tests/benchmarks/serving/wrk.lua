-- Cycles through the requests of a file, one JSON body a line, and prints what came of them as one line of JSON.
-- wrk -s wrk.lua URL -- FILE [AUTHORIZATION]

local requests, position = {}, 0

function init(arguments)
   local headers = { ["Content-Type"] = "application/json" }
   if arguments[2] then
      headers["Authorization"] = arguments[2]
   end
   for body in io.lines(arguments[1]) do
      requests[#requests + 1] = wrk.format("POST", nil, headers, body)
   end
end

function request()
   position = position % #requests + 1
   return requests[position]
end

function done(summary, latency)
   local errors = summary.errors
   local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
   io.write(string.format('{"requests": %d, "microseconds": %d, "failed": %d, "p50": %d, "p99": %d}\n',
      summary.requests, summary.duration, failed, latency:percentile(50), latency:percentile(99)))
end
