package container

// Status is what the container is at this moment.
func (c *Container) Status() Status {
	switch {
	case c.Init.PID == 0:
		if !c.Ready && c.Creator.Alive() {
			return Creating
		}
		return Stopped
	case !c.Init.Alive():
		return Stopped
	case !c.Ready:
		// Its process ends by itself when the creator is gone.
		return Creating
	case locked(c.WaitingName()):
		return Created
	}
	return Running
}
