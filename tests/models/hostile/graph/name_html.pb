
U
(<img src=x onerror=alert(1)>"'&</script>Placeholder*
dtype0*
shape:
@
yIdentity(<img src=x onerror=alert(1)>"'&</script>*
T0