// Loaded before a server that has no setting for its address: whatever it listens on is this machine's loopback, and the port is told.
const net = require("net");

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (where, ...rest) {
  const callback = rest.find((each) => typeof each === "function");
  const port = typeof where === "object" && where !== null ? where.port : where;
  this.once("listening", () => console.log(`listening on ${this.address().port}`));
  return listen.call(this, { port: Number(port), host: "127.0.0.1" }, callback);
};

// A server whose clock a test sets: milliseconds by which it is ahead (or behind, if negative) stand in a file.
if (process.env.LA_TEST_CLOCK) {
  const fs = require("fs");
  const real = Date.now;
  Date.now = () => real() + Number(fs.readFileSync(process.env.LA_TEST_CLOCK, "utf8"));
}
