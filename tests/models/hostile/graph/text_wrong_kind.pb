node { name: 7 op: "NoOp" }
