node {
  name: "x"
  op: "Placeholder"
  attr {
    key: "dtype"
    value {
      type: D