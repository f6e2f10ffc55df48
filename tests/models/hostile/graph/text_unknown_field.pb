node { name: "a" op: "NoOp" colour: "red" }
